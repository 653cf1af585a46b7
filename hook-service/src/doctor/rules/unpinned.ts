import type { Rule } from '../rule';
import { writtenServers } from '../servers';

/** Packages and images that are something else tomorrow. */
export const unpinned: Rule = {
  ids: ['K57'],
  level: 'warning',
  title: 'The version is not pinned',
  why: 'A restart can bring another program, and without the internet it brings none.',
  *find(context) {
    for (const server of writtenServers(context)) {
      const [command, ...args] = server.words;
      if (!/^(?:npx|bunx|uvx|pnpx)$/.test(command?.text ?? '')) continue;
      const name = args.find(({ text }) => !text.startsWith('-'));
      if (name && !/.@\d|==\d/.test(name.text))
        yield {
          at: name.at,
          message: `${name.text} has no version`,
          change: [`install ${name.text} in one exact version, and name its file or ${name.text}@<version>`],
        };
    }
    for (const service of context.services) {
      const entry = service.get('image');
      if (entry === undefined || service.image.includes('@sha256:') || /\$\{/.test(service.image)) continue;
      const tag = /:([^:/]+)$/.exec(service.image)?.[1];
      if (tag === undefined || /^(?:latest|main|master|stable|edge|nightly|dev)|latest$|^main-/.test(tag))
        yield {
          at: entry.value.at,
          message: `the image of ${service.name} has ${tag === undefined ? 'no tag' : `the moving tag ${tag}`}`,
          change: ['an exact version, or a digest'],
        };
    }
  },
};
