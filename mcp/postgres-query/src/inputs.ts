import { z } from 'zod';

/** Inputs that several tools have. */
export const database = z
  .string()
  .min(1)
  .max(63)
  .optional()
  .describe('Name of the database; absent: the usual one');
export const statement = z.string().min(1).max(20_000);
