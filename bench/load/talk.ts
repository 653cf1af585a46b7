/** What stands before a question: nothing, the same each time, or a conversation. */
import type { Subject } from './job';

interface Message {
  readonly role: string;
  readonly content: string;
}

/** Questions and answers behind the history, until another conversation begins: that of the bench stays as long as it is. */
const longest = 10;

/** The conversation of one client. */
export class Talk {
  private said: Message[] = [];
  private opening = '';

  /** `newWord`: one that nobody has given before. */
  constructor(
    private readonly subject: Pick<Subject, 'history' | 'talk'>,
    private readonly newWord: () => string,
  ) {}

  get messages(): readonly object[] {
    const [first, ...rest] = (this.subject.history ?? []) as readonly Message[];
    if (first === undefined) return [];
    return [{ ...first, content: `${this.opening}${first.content}` }, ...rest, ...this.said];
  }

  /**
   * To be called before each question. A conversation that is to go on is begun with a question that is not measured;
   * `ask` gives that and its answer.
   */
  async ready(ask: () => Promise<readonly [question: string, answer: string]>): Promise<void> {
    const { talk } = this.subject;
    const isOpen = this.said.length > 0 && this.said.length < longest * 2;
    if (talk === undefined || isOpen) return;
    this.opening = `${this.newWord()}. `;
    this.said = [];
    if (talk === 'goes on') this.add(...(await ask()));
  }

  add(content: string, answer: string): void {
    if (this.subject.talk !== 'goes on') return;
    this.said.push({ role: 'user', content }, { role: 'assistant', content: answer });
  }
}
