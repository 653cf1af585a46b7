import { dirname } from 'node:path';
import type { Settings } from './config/settings';
import { createMask, type Mask } from './core/result-safety';
import { secretMask } from './core/secret-patterns';

/** What takes secrets out of texts under these settings. */
export function maskOf({ secrets, config }: Settings): Mask {
  return createMask(secrets, [dirname(__dirname)], secretMask(config.secretPatterns));
}
