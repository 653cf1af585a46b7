/** A TCP balancer in front of the ports that are its arguments, a process of its own. Says its port on its first line. */
import { startBalancer } from '../../tests/support/balancer';

void startBalancer(process.argv.slice(2).map(Number)).then(({ port }) => process.stdout.write(`${port}\n`));
process.stdin.resume().once('end', () => process.exit(0));
