import type { Rule } from '../rule';

/** postgres-mcp that may write. */
export const postgresMcpWrite: Rule = {
  ids: ['K24'],
  level: 'security',
  title: 'postgres-mcp may write',
  why: 'It has no setting MCP_ALLOW_WRITE; its default is unrestricted, and a model can drop tables.',
  mends: true,
  *find(context) {
    for (const service of context.services.filter((each) => each.isPostgresMcp && each.isWhole)) {
      const words = service.words.map(({ text }) => text);
      const mode =
        words.find((text) => text.startsWith('--access-mode=')) ??
        (words.includes('--access-mode') ? words[words.indexOf('--access-mode') + 1] : undefined);
      if (mode !== undefined && /restricted$/.test(mode) && !/unrestricted$/.test(mode)) continue;
      const setting = service.environment.find(({ name }) => name === 'MCP_ALLOW_WRITE');
      const last = service.words.at(-1);
      const command = service.get('command')?.value;
      const source =
        last && command?.kind === 'seq' && mode === undefined
          ? service.source.scalarSource(last.at)
          : undefined;
      yield {
        at: setting?.at ?? service.get('command')?.at ?? service.at,
        message: `${service.name} runs without --access-mode=restricted`,
        change: ['command: ["--access-mode=restricted", …], and a role that may only read'],
        ...(source !== undefined && last && service.source.lineAt(last.at).includes('[')
          ? { fix: { edits: service.source.replaceScalar(last.at, `${source}, "--access-mode=restricted"`) } }
          : {}),
      };
    }
  },
};
