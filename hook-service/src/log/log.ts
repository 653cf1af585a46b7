// Placeholder until the real one lands.
import type { Log } from '../core/ports';
export function createLog(_o: { level: string; secrets: readonly string[] }): Log {
  const w = (level: string) => (message: string, fields?: Record<string, unknown>) =>
    void process.stdout.write(JSON.stringify({ level, message, ...fields, error: String((fields?.['error'] as Error | undefined)?.stack ?? '') }) + '\n');
  return { debug: () => undefined, info: w('info'), warn: w('warn'), error: w('error') };
}
