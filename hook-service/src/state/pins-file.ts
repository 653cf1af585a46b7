import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { mergePins, type Pin, type PinStore } from '../core/pins';
import { parseJson } from './stored';

const json = z.custom<NonNullable<Pin['definition']>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/** A pin as it is kept. Written by us, yet parsed: people may edit the file, and another version may have written. */
export const storedPin = z.object({
  server: z.string(),
  tool: z.string(),
  digest: z.string().regex(/^(?:[0-9a-f]{64})?$/),
  parts: z.record(z.string(), z.string()),
  at: z.string(),
  accepted: z.boolean(),
  definition: json.optional(),
});

const storedFile = z.object({ version: z.literal(1), pins: z.array(storedPin) });

/**
 * Pins in a JSON file, sorted, so that it can be read and kept under version control. It is replaced whole and at
 * once; what other processes wrote into it meanwhile is merged. A file that cannot be parsed is never overwritten.
 */
export function filePins(path: string): PinStore {
  let seen: string | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  async function read(): Promise<readonly Pin[]> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    const parsed = storedFile.safeParse(parseJson(text));
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new Error(`${path} is no file of pins: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
    }
    return parsed.data.pins as readonly Pin[];
  }

  async function write(pins: readonly Pin[]): Promise<void> {
    const merged = mergePins(await read(), pins);
    const sorted = [...merged].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, pin]) => pin);
    const temporary = `${path}.${process.pid}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, `${JSON.stringify({ version: 1, pins: sorted }, undefined, 2)}\n`, {
      mode: 0o640,
    });
    await rename(temporary, path);
  }

  return {
    async load() {
      const mark = await stat(path).then(
        (file) => `${file.mtimeMs}:${file.size}:${file.ino}`,
        () => 'missing',
      );
      if (mark === seen) return undefined;
      const pins = await read();
      seen = mark;
      return pins;
    },
    save(pins) {
      const next = writing.then(() => write(pins));
      writing = next.catch(() => undefined);
      return next;
    },
  };
}
