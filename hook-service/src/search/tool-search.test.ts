import {
  heldOutQuestions,
  labelledQuestions,
  type LabelledQuestion,
} from '../../../tests/support/labelled-questions';
import { sampleCatalog } from '../../../tests/support/sample-catalog';
import { NamedCatalog } from '../core/search-catalog';
import { indexTools } from './tool-search';
import { searchTerm, splitWords } from './words';

const catalog = new NamedCatalog(sampleCatalog(500), indexTools);

const found = (question: string): string[] =>
  catalog.search(question, 5, () => true).map((tool) => tool.name);

/** How many questions have a right tool among the first five, printed with those that have none. */
function measure(what: string, questions: readonly LabelledQuestion[]): number {
  const missed = questions.filter(
    ({ question, expected }) => !found(question).some((name) => expected.includes(name)),
  );
  const right = questions.length - missed.length;
  const first = questions.filter(({ question, expected }) => expected.includes(found(question)[0] ?? ''));
  process.stdout.write(
    `search_tools, ${what}: right tool among the first five for ${right} of ${questions.length}, first for ${first.length}\n` +
      missed.map(({ question }) => `  missed: ${question}\n`).join(''),
  );
  return right;
}

describe('search among 500 tools', () => {
  it('has tools for every labelled question', () => {
    expect(labelledQuestions).toHaveLength(100);
    for (const { expected } of [...labelledQuestions, ...heldOutQuestions])
      for (const name of expected) expect(catalog.byName.has(name) ? name : `no ${name}`).toBe(name);
  });

  it('finds a right tool among the first five for at least 90 of 100 questions', () => {
    expect(measure('labelled questions', labelledQuestions)).toBeGreaterThanOrEqual(90);
  });

  it('does as well on questions that its table of other words was not made for', () => {
    expect(measure('held-out questions', heldOutQuestions)).toBeGreaterThanOrEqual(
      heldOutQuestions.length * 0.85,
    );
  });

  it('gives the same answer every time, whatever was asked in between', () => {
    const before = found('list all issues');
    found('something else');
    expect(found('list all issues')).toEqual(before);
    const again = new NamedCatalog(sampleCatalog(500), indexTools);
    expect(again.search('list all issues', 5, () => true).map((tool) => tool.name)).toEqual(before);
  });

  it('gives only tools that are accepted', () => {
    const tools = catalog.search('create an issue', 20, ({ host }) => host.server === 'github');
    expect(tools.length).toBeGreaterThan(0);
    expect(new Set(tools.map(({ host }) => host.server))).toEqual(new Set(['github']));
  });

  it.each(['', '   ', '?!', 'the of and', 'x'.repeat(10_000), '__proto__ constructor toString'])(
    'bears %j',
    (words) => {
      expect(catalog.search(words, 5, () => true).length).toBeLessThanOrEqual(5);
    },
  );
});

describe('words', () => {
  it.each([
    ['createPullRequest', ['create', 'Pull', 'Request']],
    ['get_file-info.v2', ['get', 'file', 'info', 'v2']],
    ['parseHTTPResponse', ['parse', 'HTTP', 'Response']],
    ['größe_ändern', ['größe', 'ändern']],
  ])('%s are %j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  it.each([
    ['issues', 'issue'],
    ['queries', 'query'],
    ['merging', 'merge'],
    ['closed', 'close'],
    ['running', 'run'],
    ['directories', 'directory'],
    ['files', 'file'],
  ])('%s and %s are compared as the same', (one, other) => {
    expect(searchTerm(one)).toBe(searchTerm(other));
  });

  it.each(['the', 'please', 'of'])('%s does not count', (word) => {
    expect(searchTerm(word)).toBeUndefined();
  });
});
