import type { OAuthSettings, ServerConfig } from '../core/servers';
import type { Context } from './check';
import type { Path } from './problems';
import { didYouMean } from './suggest';

/** Keeps the credentials of `oauth` out of logs, and reports where they are of no use or travel unencrypted. */
export function checkOAuth(
  server: ServerConfig,
  oauth: OAuthSettings,
  path: Path,
  { values, problems }: Context,
): void {
  for (const secret of [oauth.clientSecret, oauth.privateKey]) {
    if (secret !== undefined) values.keepSecret(secret);
  }
  if (server.transport === 'stdio') {
    problems.error(
      path,
      values.markOf(path),
      'is for servers with a url; a command gets its secrets by env:',
    );
  }
  const url = oauth.tokenUrl === undefined ? undefined : new URL(oauth.tokenUrl);
  if (url?.protocol === 'http:' && !/^(localhost|127\.|\[::1\])/.test(url.hostname)) {
    const at = [...path, 'token_url'];
    problems.warn(at, values.markOf(at), 'is plain http, so the credentials travel unencrypted');
  }
}

/** The programs that `toolturn.stdio.commands` lets be started. Compared as written: no shell and no PATH is asked here. */
export function checkCommand(
  server: ServerConfig,
  commands: readonly string[] | undefined,
  { values, problems }: Context,
): void {
  if (server.transport !== 'stdio' || commands === undefined || commands.includes(server.command)) return;
  const at = ['mcp_servers', server.name, 'command'];
  const known = didYouMean(server.command, commands);
  problems.error(at, values.markOf(at), `is not among toolturn.stdio.commands${known}`);
}
