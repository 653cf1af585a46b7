import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { failureError } from '../core/failure-policy';

/** The header that carries the secret shared by the door and hook-service. */
const secretHeader = 'x-toolturn-secret';

const digest = (text: string): Buffer => hash('sha256', text, 'buffer');

export interface SecretOptions {
  /** True where `Authorization: Bearer` will do as well, for programs that know no other header. */
  readonly bearer?: true;
  /** True where `x-api-key` will do as well: LiteLLM sends the `api_key` of a guardrail there. */
  readonly apiKey?: true;
  /** Told of each request that is refused. */
  readonly onRefused?: () => void;
}

/** Throws where a request has none of the secrets. Compares digests, so neither content nor length shows in the time taken. */
export function checkSecret(
  secrets: readonly string[],
  headers: IncomingHttpHeaders,
  { bearer, apiKey, onRefused }: SecretOptions = {},
): void {
  const token = bearer === true ? /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1] : undefined;
  const key = apiKey === true ? headers['x-api-key'] : undefined;
  const given = digest(String(headers[secretHeader] ?? token ?? key ?? ''));
  const fits = secrets.reduce((found, secret) => timingSafeEqual(digest(secret), given) || found, false);
  if (fits) return;
  onRefused?.();
  throw failureError('secretsDiffer');
}

/** Lets a request pass only with one of the secrets, as they are at that moment. */
export function requireSecret(secrets: () => readonly string[], options: SecretOptions = {}) {
  return (req: Request, _res: Response, next: NextFunction): void => {
    checkSecret(secrets(), req.headers, options);
    next();
  };
}
