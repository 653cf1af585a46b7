import type { Rule } from '../rule';

/** An image that is another one at every build, or runs as root. */
export const dockerfile: Rule = {
  ids: ['K50'],
  level: 'warning',
  title: 'The image is not built from what was checked',
  why: 'A download that is run unseen, and packages without a lock, put code of others into the image.',
  *find(context) {
    for (const file of context.dockerfiles) {
      for (const { at } of file.matches(/\b(?:curl|wget)\b[^|]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b/g))
        yield {
          at,
          message: 'a download is run unseen',
          change: ['a pinned package, or a file with its checksum'],
        };
      for (const { at } of file.matches(/\bnpm (?:install|i)(?!\s+-g\s+\S+@\d)\b/g))
        yield {
          at,
          message: 'npm install does not keep to the lock file',
          change: ['npm ci --omit=dev --ignore-scripts'],
        };
      for (const { at, match } of file.matches(/^USER\s+(original-user|your-user|<.*>|root)\s*$/g))
        yield {
          at,
          message: match[1] === 'root' ? 'the image runs as root' : `${match[1] ?? ''} is a placeholder`,
          change: ['USER node'],
        };
    }
  },
};
