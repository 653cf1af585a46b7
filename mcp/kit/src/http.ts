import type { Log } from './log';
import { ToolFailure } from './tool';

/** Asks one HTTP API with GET for JSON. */
export class HttpApi {
  constructor(
    private readonly options: {
      /** What the model knows the service by. */
      readonly name: string;
      readonly url: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly timeoutMs: number;
      readonly log: Log;
    },
  ) {}

  /** The parsed answer. Throws `ToolFailure` with the service's own message where it refuses. */
  async get(
    path: string,
    query: Readonly<Record<string, string | number>>,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const { name, url, headers, timeoutMs, log } = this.options;
    const target = new URL(url.replace(/\/$/, '') + path);
    for (const [key, value] of Object.entries(query)) target.searchParams.set(key, `${value}`);
    const deadline = AbortSignal.timeout(timeoutMs);
    let status: number;
    let text: string;
    try {
      const response = await fetch(target, {
        headers: { ...headers, accept: 'application/json' },
        // A redirect could lead anywhere, with our headers.
        redirect: 'error',
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      log.error('a request failed', { service: name, path, error });
      throw new ToolFailure(
        deadline.aborted
          ? `${name} did not answer within ${timeoutMs / 1000} s.`
          : `${name} cannot be reached now.`,
      );
    }
    if (status >= 400) throw new ToolFailure(`${name} answered ${status}: ${text.trim().slice(0, 500)}`);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new ToolFailure(`${name} answered with something that is no JSON.`);
    }
  }

  /** Throws where the service does not answer this path with success; the message is public. */
  async check(path: string): Promise<void> {
    const { name, url, headers } = this.options;
    const response = await fetch(url.replace(/\/$/, '') + path, {
      ...(headers === undefined ? {} : { headers }),
      redirect: 'error',
      signal: AbortSignal.timeout(4_000),
    }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok !== true) throw new Error(`${name} does not answer`);
  }
}
