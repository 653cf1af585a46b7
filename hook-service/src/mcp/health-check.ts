import type { RemoteServer } from '../core/servers';
import { codeOf, createHttpClient, type HttpClient } from '../wire/http-client';

/** Asks a server's own health address again and again (`health_check` in the config). */
export class HealthCheck {
  /** Why the last check failed; undefined when it passed or there was none yet. */
  failure: string | undefined;

  private readonly http: HttpClient;
  private readonly url: URL;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    server: RemoteServer,
    path: string,
    private readonly intervalMs: number,
    private readonly timeoutMs = 5_000,
  ) {
    const base = new URL(server.url);
    this.url = new URL(path, base.origin);
    // A complete address in the config must not send requests elsewhere.
    if (this.url.origin !== base.origin) this.url = new URL(this.url.pathname, base.origin);
    this.http = createHttpClient(base, { maxSockets: 1 });
  }

  start(): void {
    void this.check();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.http.close();
  }

  /** No credentials are sent: a health address needs none. */
  private async check(): Promise<void> {
    const exchange = this.http.open({ method: 'GET', url: this.url, headers: { accept: '*/*' } });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      exchange.abort();
    }, this.timeoutMs);
    try {
      const answer = await exchange.answer;
      answer.resume();
      const status = answer.statusCode ?? 0;
      this.failure =
        status >= 200 && status < 300
          ? undefined
          : `Its health check ${this.url.pathname} answers HTTP ${status}`;
    } catch (error) {
      const why = late ? `gives no answer within ${this.timeoutMs / 1_000} s` : `failed (${codeOf(error)})`;
      this.failure = `Its health check ${this.url.pathname} ${why}`;
    } finally {
      clearTimeout(timer);
    }
    if (this.closed) return;
    this.timer = setTimeout(() => void this.check(), this.intervalMs);
    this.timer.unref();
  }
}
