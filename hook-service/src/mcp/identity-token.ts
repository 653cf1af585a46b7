import { createHmac, randomUUID } from 'node:crypto';
import type { OnBehalfOf } from '../core/ports';
import type { IdentitySettings } from '../core/servers';

/**
 * The header with a signed token (JWT, RFC 7519, HS256) that says for whom a request is made; docs/access.md says how a
 * server checks it. Without a caller (handshake, list of tools) it names Toolturn alone. Written here: three lines of
 * `node:crypto` do all that signing takes, and the libraries for it are ES modules.
 */
export function identityHeader(
  { header, audience, ttlSeconds, secret }: IdentitySettings,
  caller: OnBehalfOf | undefined,
  now = Date.now(),
): Record<string, string> {
  const issued = Math.floor(now / 1000);
  const claims = {
    iss: 'toolturn',
    aud: audience,
    sub: caller?.user ?? caller?.keyAlias ?? 'toolturn',
    iat: issued,
    exp: issued + ttlSeconds,
    jti: randomUUID(),
    key_alias: caller?.keyAlias,
    user: caller?.user,
    team: caller?.team,
    end_user: caller?.endUser,
    turn: caller?.turn,
  };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  const token = `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  return { [header]: header === 'authorization' ? `Bearer ${token}` : token };
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
