import { dsns } from '../dsn';
import type { Rule } from '../rule';

/** A password with characters that mean something else in an address. */
export const dsnPassword: Rule = {
  ids: ['K64'],
  level: 'error',
  title: 'The password in an address is not encoded',
  why: 'The address is cut at the first / # ? or @: "invalid port number", or the wrong host.',
  mends: true,
  *find(context) {
    for (const { at, name, password, before, after } of dsns(context)) {
      if (!/[/#?@\s]/.test(password)) continue;
      const encoded = password.replace(/[/#?@\s]/g, (each) => encodeURIComponent(each));
      const source = context.source(at.file);
      const start = source?.lineAt(at).indexOf(before + password + after, at.column - 1) ?? -1;
      yield {
        at,
        message: `${name} holds a password with a raw / # ? or @`,
        change: ['percent-encode it: / is %2F, # is %23, ? is %3F, @ is %40'],
        ...(source && start >= 0
          ? {
              fix: {
                edits: [
                  source.replace({ ...at, column: start + before.length + 1 }, password.length, encoded),
                ],
              },
            }
          : {}),
      };
    }
  },
};
