import { catalog } from './catalog';
import { cpu } from './cpu';
import { fourCalls } from './four-calls';
import { ledger } from './ledger';
import { longHistory } from './long-history';
import { memory } from './memory';
import { oneTool } from './one-tool';
import { oneToolStream } from './one-tool-stream';
import { plainChat } from './plain-chat';
import { plainStream } from './plain-stream';
import type { Row } from './row';
import { scale } from './scale';
import { threeRounds } from './three-rounds';

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [
  plainChat,
  longHistory,
  plainStream,
  oneTool,
  oneToolStream,
  threeRounds,
  fourCalls,
  ledger,
  catalog,
  memory,
  cpu,
  scale,
];
