import { texts } from './fields';
import { hashRawKey } from './hashes';

/** The fields by which a rule of `toolturn.access` or `toolturn.client_tools` says for whom it is. */
export const callersShape = {
  keys: texts
    .transform((keys) => keys.map(hashRawKey))
    .default([])
    .describe(
      'for callers with one of these keys: alias, SHA-256 in hex, or the key itself; `*` is everybody',
    )
    .meta({ example: ['nightly'] }),
  teams: texts
    .default([])
    .describe('for callers of these teams, by id or alias')
    .meta({ example: ['analysts'] }),
  users: texts
    .default([])
    .describe('for these users, by id')
    .meta({ example: ['eve'] }),
};
