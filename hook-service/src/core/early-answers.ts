import type { JsonObject } from './json';
import type { Carrier } from './ports';

/** The door, where it stays in touch while a turn is worked on. */
export interface OpenDoor {
  readonly early: EarlyAnswers;
  /** Absent: it asks LiteLLM nothing for us. */
  readonly carrier?: Carrier;
}

/**
 * What LiteLLM answers to the continuations of a turn, told by the door as soon as the model has answered: LiteLLM sends
 * its response only behind its logging and its hooks, some milliseconds later.
 */
export class EarlyAnswers {
  private readonly told = new Map<number, JsonObject>();
  private readonly waiting = new Map<number, (answer: JsonObject) => void>();

  /** The answer to a round's continuation has been told. */
  tell(round: number, answer: JsonObject): void {
    this.told.set(round, answer);
    this.waiting.get(round)?.(answer);
  }

  has(round: number): boolean {
    return this.told.has(round);
  }

  /** Resolves with the answer when it is told, which may be never. */
  of(round: number): Promise<JsonObject> {
    const answer = this.told.get(round);
    if (answer !== undefined) return Promise.resolve(answer);
    return new Promise((resolve) => this.waiting.set(round, resolve));
  }
}
