/** Runs the demo model as a process of its own: `node demo-model-main.js`, port in `PORT`. */
import { demoAnswer } from './demo-model';
import { startScriptedModel } from './scripted-model';

async function main(): Promise<void> {
  const model = await startScriptedModel({ port: Number(process.env.PORT ?? 0), answer: demoAnswer });
  console.log(`demo model at ${model.url}`);
  const stop = (): void => void model.stop().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
