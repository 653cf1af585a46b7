import { hookServiceSteps, type Parts, serverSteps } from './hook-service';
import { litellmSteps } from './litellm';
import type { LiveSettings } from './settings';
import { type LiveStep, perform, type Planned } from './step';
import { turnSteps } from './turn';

export type { LiveSettings } from './settings';
export type { LiveStep } from './step';

/** Walks the way of a turn, each step after those it needs. Never throws: a step that fails says why. */
export async function walk(settings: LiveSettings): Promise<readonly LiveStep[]> {
  const done: LiveStep[] = [];
  const models: string[] = [];
  const parts: Parts = {};
  const go = async (steps: readonly Planned[]): Promise<void> => {
    for (const step of steps) done.push(await perform(step, done));
  };
  await go(litellmSteps(settings, models));
  await go(hookServiceSteps(settings, parts));
  // Known only now.
  await go(serverSteps(parts));
  await go(turnSteps(settings, models));
  return done;
}
