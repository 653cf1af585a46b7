/** What the live checks need to know. */
export interface LiveSettings {
  /** LiteLLM's address without a path. */
  readonly litellmUrl: string;
  /** hook-service's. */
  readonly hookUrl: string;
  /** A LiteLLM key. */
  readonly key?: string;
  /** What door and hook-service share; the first one is sent. */
  readonly secrets: readonly string[];
  /** Asked in the last step; without one no model is asked anything. */
  readonly model?: string;
  /** `toolturn.catalog.search_above_tokens`, where the config is known. */
  readonly searchAboveTokens?: number;
  /** Of one answer; a turn may take longer. */
  readonly timeoutMs: number;
  readonly turnMs: number;
}
