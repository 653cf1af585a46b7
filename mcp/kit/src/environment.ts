import { z } from 'zod';

/** `true` and `false` as operators write them; an empty variable counts as not set. */
const flag = z
  .enum(['true', 'false', '1', '0', 'yes', 'no'], { error: 'must be true or false' })
  .transform((text) => ['true', '1', 'yes'].includes(text));

/** A whole number within bounds. */
export const wholeNumber = (least: number, most: number) =>
  z.coerce
    .number({ error: `must be a whole number from ${least} to ${most}` })
    .int()
    .min(least)
    .max(most);

/** An address with one of these protocols (`http:`). */
export const address = (...protocols: readonly string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `must be an address that begins with ${protocols.map((each) => `${each}//`).join(' or ')}`,
  });

/** What every server of ours reads. */
export const commonEnvironment = {
  /** Absent: the server speaks over stdio. */
  MCP_PORT: wholeNumber(0, 65_535).optional(),
  MCP_HOST: z.string().default('127.0.0.1'),
  /** Hosts whose web pages may talk to the server, separated by commas. */
  MCP_ALLOWED_ORIGINS: z.string().default(''),
  /** Writing is off until somebody wants it. */
  MCP_ALLOW_WRITE: flag.default(false),
};

/** A setting that is missing or wrong: the message names the variables and no values. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}

/** Reads the variables of a server. Throws `EnvironmentError` with everything that is wrong. */
export function readEnvironment<Shape extends z.ZodRawShape>(
  shape: Shape,
  env: Readonly<Record<string, string | undefined>>,
): z.output<z.ZodObject<Shape>> {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = z.object(shape).safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.');
    return given[name] === undefined ? `${name} is not set` : `${name} ${issue.message}`;
  });
  throw new EnvironmentError(problems.join('; '));
}
