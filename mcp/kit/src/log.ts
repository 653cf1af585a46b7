/** One JSON line per message on stderr: stdout belongs to the protocol where a server speaks over stdio. */
export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** A log that names its server in every line. Errors are written by name and message, without stack. */
export function createLog(server: string, write = (line: string) => void process.stderr.write(line)): Log {
  const line = (level: string, message: string, fields: Record<string, unknown> = {}): void => {
    const plain = Object.entries(fields).map(([name, value]) => [name, readable(value)] as const);
    write(
      `${JSON.stringify({ time: new Date().toISOString(), level, server, message, ...Object.fromEntries(plain) })}\n`,
    );
  };
  return {
    info: (message, fields) => line('info', message, fields),
    error: (message, fields) => line('error', message, fields),
  };
}

/** Addresses with a user and a password occur in messages of drivers; the password is nobody's business. */
export function withoutPasswords(text: string): string {
  return text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@]*@/gi, '$1***@');
}

function readable(value: unknown): unknown {
  if (value instanceof Error) return withoutPasswords(`${value.name}: ${value.message}`);
  return typeof value === 'string' ? withoutPasswords(value) : value;
}
