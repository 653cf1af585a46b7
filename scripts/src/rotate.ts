/** `./scripts/rotate`: changes a secret while the stack runs; both are good meanwhile, and a failure goes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { flag, readCommand, secondsOf, text } from './arguments';
import { StartError } from './errors';
import type { Installation } from './operate/installation';
import { installationOptions, whichInstallation } from './operate/which-installation';
import { beginDoorSecret, finishDoorSecret } from './rotate/door-secret';
import { beginRedisPassword, finishRedisPassword } from './rotate/redis-password';
import { rotateServerToken } from './rotate/server-token';
import { newSecret } from './rotate/new-secret';
import { runScript } from './run-script';

const say = (line: string): void => console.log(line);

/** A change in two steps: between them both secrets are good. */
const twoSteps: Readonly<
  Record<
    string,
    {
      readonly begin: (
        installation: Installation,
        secret: string,
        say: (line: string) => void,
      ) => Promise<void>;
      readonly finish: (installation: Installation, say: (line: string) => void) => Promise<void>;
    }
  >
> = {
  'door-secret': { begin: beginDoorSecret, finish: finishDoorSecret },
  'redis-password': { begin: beginRedisPassword, finish: finishRedisPassword },
};

async function rotate(args: readonly string[]): Promise<void> {
  const { values, positionals } = readCommand('rotate', args, {
    ...installationOptions,
    overlap: text,
    begin: flag,
    finish: flag,
    generate: flag,
    'from-env': text,
  });
  const [what, name, ...rest] = positionals;
  if (rest.length > 0)
    throw new StartError(`There is no "${rest[0]}" to say to rotate (see ./scripts/rotate --help).`);
  if (what === 'key') throw new StartError('Keys of clients are rotated with ./scripts/key rotate ALIAS.');
  if (what === 'server-token') {
    if (name === undefined)
      throw new StartError(
        'Name the variable of the token or its server: ./scripts/rotate server-token NAME.',
      );
    const source = {
      generate: values.generate === true,
      ...(values['from-env'] === undefined ? {} : { fromEnv: values['from-env'] }),
    };
    await rotateServerToken(whichInstallation(values), name, () => newSecret(source), say);
    say('ok: the new token is in use');
    return;
  }
  const steps = what === undefined ? undefined : twoSteps[what];
  if (steps === undefined || name !== undefined)
    throw new StartError(
      'Say door-secret, redis-password or server-token NAME (see ./scripts/rotate --help).',
    );
  if (values.begin === true && values.finish === true)
    throw new StartError('--begin and --finish are the two halves: without either, both are done.');
  const overlap = secondsOf('--overlap', values.overlap ?? '5m');
  const installation = whichInstallation(values);
  if (values.finish !== true) await steps.begin(installation, await newSecret({ generate: true }), say);
  if (values.begin === true) {
    say(`ok: both are good now; end it with ./scripts/rotate ${what} --finish`);
    return;
  }
  if (values.finish !== true && overlap > 0) {
    say(`  both are good for ${overlap} s (Ctrl-C, and later --finish, is as good)`);
    await sleep(overlap * 1000);
  }
  await steps.finish(installation, say);
  say('ok: only the new one is good');
}

runScript('rotate', rotate);
