import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect when the heap has grown by a fifth since it last did. By itself it waits, on a machine with much memory,
 * until the process is several times as large as what it keeps; a bound for the heap would end the process instead
 * when a request is large. Costs little, because what a turn leaves behind mostly dies young.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=20');
}
