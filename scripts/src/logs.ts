/** `./scripts/logs`: what the parts log, without what looks like a secret. */
import { flag, numberOf, readCommand, text } from './arguments';
import { StartError } from './errors';
import { installationOptions, whichInstallation } from './operate/which-installation';
import { runScript } from './run-script';

async function logs(args: readonly string[]): Promise<number> {
  const { values, positionals } = readCommand('logs', args, {
    ...installationOptions,
    tail: text,
    follow: flag,
  });
  const [part, ...rest] = positionals;
  if (rest.length > 0) throw new StartError('Name one part, or none for all (see ./scripts/logs --help).');
  const installation = whichInstallation(values);
  if (part !== undefined) {
    const known = (await installation.parts()).map(({ name }) => name);
    if (!known.includes(part))
      throw new StartError(`There is no part ${part}: there are ${known.join(', ') || 'none'}.`);
  }
  return installation.logs({
    ...(part === undefined ? {} : { part }),
    tail: numberOf('--tail', values.tail ?? '100', 0, 1_000_000),
    follow: values.follow === true,
  });
}

runScript('logs', logs);
