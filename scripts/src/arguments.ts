import { messageOf, StartError } from './errors';

/** What `read` makes of the command line of `./scripts/<script>`; what `parseArgs` throws becomes a `StartError` of one sentence. */
export function readArguments<T>(script: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new StartError(`${messageOf(error).split('\n')[0]} (see ./scripts/${script} --help)`);
  }
}
