import { apps } from './apps';
import { libraries } from './libraries';
import { programs } from './programs';
import type { ClientSetup } from './setup';

export type { ClientSetup, Place, Setup } from './setup';

/** Every client that `toolturn clients` can set up, in the order in which it prints them. */
export const clientSetups: readonly ClientSetup[] = [...programs, ...apps, ...libraries];
