import {
  auth,
  ClientCredentialsProvider,
  discoverOAuthServerInfo,
  extractWWWAuthenticateParams,
  fetchToken,
  OAuthClientFlowError,
  OAuthError,
  PrivateKeyJwtProvider,
  type FetchLike,
  type StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import type { OAuthSettings } from '../core/servers';
import { cleanText } from './clean-text';
import { guardedFetch, RefusedAddress } from './guarded-fetch';
import { codeOf } from '../wire/http-client';

/** No token could be had. The text is for a person, and holds no credential. */
export class TokenFailure extends Error {
  override readonly name = 'TokenFailure';

  constructor(
    message: string,
    /** Trying again soon is of no use. */
    readonly lasting: boolean,
  ) {
    super(message);
  }
}

const timeoutMs = 10_000;
/** A token is replaced this long before it ends, or after nine tenths of a short life. */
const marginMs = 60_000;
/** After a failure nobody asks again for this long. */
const pauseMs = 1_000;

interface Held {
  readonly token: string;
  readonly until: number;
}

/**
 * Access tokens for one server by the client-credentials grant (OAuth 2.1; MCP authorization, 2025-11-25 and 2026-07-28).
 * The SDK's auth parts do the protocol: discovery from the challenge or the well-known places, the issuer's check, the
 * resource indicator. Here: keeping a token until shortly before its end, one request at a time, and the guard on addresses.
 */
export class TokenSource {
  private held: Held | undefined;
  private pending: Promise<string> | undefined;
  private challenge: { readonly metadataUrl?: URL; readonly scope?: string } | undefined;
  /** The first issuer is kept: the credentials go to no other one. */
  private issuer: string | undefined;
  private failure: { readonly error: TokenFailure; readonly until: number } | undefined;

  constructor(
    private readonly server: URL,
    private readonly settings: OAuthSettings,
  ) {
    this.issuer = settings.issuer;
  }

  /** A good token; undefined while the server has not yet said where to get one. Rejects with `TokenFailure`. */
  async current(): Promise<string | undefined> {
    if (this.held !== undefined && Date.now() < this.held.until) return this.held.token;
    const canAsk = this.settings.tokenUrl !== undefined || this.challenge !== undefined;
    return canAsk ? this.request() : undefined;
  }

  /** After a 401: another token than the one that was refused. `header` is the answer's `WWW-Authenticate`. */
  async renew(refused: string | undefined, header: string | undefined): Promise<string> {
    if (this.held !== undefined && this.held.token !== refused && Date.now() < this.held.until)
      return this.held.token;
    this.held = undefined;
    this.challenge = readChallenge(header);
    return this.request();
  }

  private request(): Promise<string> {
    if (this.failure !== undefined && Date.now() < this.failure.until)
      return Promise.reject(this.failure.error);
    this.pending ??= this.fetch()
      .catch((error: unknown) => {
        const failure = explain(error);
        this.failure = { error: failure, until: Date.now() + pauseMs };
        throw failure;
      })
      .finally(() => (this.pending = undefined));
    return this.pending;
  }

  private async fetch(): Promise<string> {
    const asked = Date.now();
    const tokens = await (this.settings.tokenUrl === undefined ? this.discovered() : this.configured());
    if (tokens.token_type.toLowerCase() !== 'bearer')
      throw new TokenFailure('the authorization server gave a token of another type than bearer', true);
    this.issuer ??= tokens.issuer;
    const life = (tokens.expires_in ?? Infinity) * 1_000;
    this.held = { token: tokens.access_token, until: asked + Math.max(life - marginMs, life * 0.9) };
    return tokens.access_token;
  }

  /** Where the server says: its challenge, its metadata, the metadata of its authorization server. */
  private async discovered(): Promise<StoredOAuthTokens> {
    const fetchFn = this.fetchFn();
    const metadataUrl = this.challenge?.metadataUrl;
    const at = metadataUrl === undefined ? {} : { resourceMetadataUrl: metadataUrl };
    const provider = this.provider(this.issuer ?? (await this.firstIssuer({ ...at, fetchFn })));
    const scope = this.settings.scopes?.join(' ') ?? this.challenge?.scope;
    await auth(provider, {
      serverUrl: this.server,
      fetchFn,
      ...at,
      ...(scope === undefined ? {} : { scope }),
    });
    const tokens = provider.tokens();
    if (tokens === undefined) throw new TokenFailure('the authorization server gave no token', true);
    return tokens;
  }

  /** The authorization server that the server names the first time. */
  private async firstIssuer(options: { resourceMetadataUrl?: URL; fetchFn: FetchLike }): Promise<string> {
    const found = await discoverOAuthServerInfo(this.server, options);
    return found.authorizationServerMetadata?.issuer ?? found.authorizationServerUrl;
  }

  /** At the address of the config, which may be plain HTTP: that is the operator's decision and not a server's. */
  private async configured(): Promise<StoredOAuthTokens> {
    const url = new URL(this.settings.tokenUrl ?? '');
    const send = this.fetchFn();
    const secure = new URL(url);
    secure.protocol = 'https:';
    const issuer = this.settings.issuer ?? url.origin;
    return fetchToken(this.provider(issuer), issuer, {
      metadata: {
        issuer,
        // The SDK takes https alone; `fetchFn` asks the address that was configured.
        token_endpoint: secure.href,
        authorization_endpoint: secure.href,
        response_types_supported: [],
        token_endpoint_auth_methods_supported: [this.settings.authMethod ?? 'client_secret_basic'],
      },
      ...(this.settings.scopes === undefined ? {} : { scope: this.settings.scopes.join(' ') }),
      fetchFn: (_url, init) => send(url, init),
    });
  }

  private provider(issuer: string): ClientCredentialsProvider | PrivateKeyJwtProvider {
    const { clientId, clientSecret, privateKey, algorithm, scopes } = this.settings;
    const common = {
      clientId,
      clientName: 'toolturn',
      ...(scopes === undefined ? {} : { scope: scopes.join(' ') }),
      expectedIssuer: issuer,
    };
    return privateKey === undefined
      ? new ClientCredentialsProvider({ ...common, clientSecret: clientSecret ?? '' })
      : new PrivateKeyJwtProvider({ ...common, privateKey, algorithm: algorithm ?? 'RS256' });
  }

  private fetchFn() {
    const { tokenUrl, issuer } = this.settings;
    const named = [this.server.href, tokenUrl, issuer].filter((each) => each !== undefined);
    const trusted = new Set(named.map((each) => new URL(each).origin));
    return guardedFetch({ server: this.server, trusted, timeoutMs });
  }
}

function readChallenge(header: string | undefined): { metadataUrl?: URL; scope?: string } {
  if (header === undefined) return {};
  const answer = new Response(null, { status: 401, headers: { 'www-authenticate': header } });
  const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(answer);
  return {
    ...(resourceMetadataUrl === undefined ? {} : { metadataUrl: resourceMetadataUrl }),
    ...(scope === undefined ? {} : { scope }),
  };
}

function explain(error: unknown): TokenFailure {
  if (error instanceof TokenFailure) return error;
  const refused = refusedAddress(error);
  if (refused !== undefined) return new TokenFailure(refused.message, true);
  if (error instanceof OAuthError) {
    return new TokenFailure(
      `the authorization server answers ${cleanText(error.code, 60)}`,
      error.code !== 'server_error',
    );
  }
  if (error instanceof OAuthClientFlowError) return new TokenFailure(cleanText(error.message), true);
  const code = codeOf(error);
  if (/^[A-Z_]+$/.test(code))
    return new TokenFailure(`the authorization server cannot be reached (${code})`, false);
  return new TokenFailure(cleanText(error instanceof Error ? error.message : String(error)), false);
}

function refusedAddress(error: unknown): RefusedAddress | undefined {
  for (let cause = error, depth = 0; depth < 4; depth += 1) {
    if (cause instanceof RefusedAddress) return cause;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return undefined;
}
