import { createHash, timingSafeEqual } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { ToolturnError } from '../core/errors';

/** The header that carries the secret shared by the door and hook-service. */
export const secretHeader = 'x-toolturn-secret';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Lets a request pass only with one of the secrets, as they are at that moment. Compares digests, so neither content nor length shows in the time taken. */
export function requireSecret(secrets: () => readonly string[]) {
  return (req: Request, _res: Response, next: NextFunction): void => {
    const given = digest(req.get(secretHeader) ?? '');
    const fits = secrets().reduce((found, secret) => timingSafeEqual(digest(secret), given) || found, false);
    if (!fits)
      throw new ToolturnError(
        'unauthorized',
        `The header ${secretHeader} is missing or does not hold the shared secret.`,
      );
    next();
  };
}
