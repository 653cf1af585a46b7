import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { ToolturnError } from '../core/errors';
import { failureError } from '../core/failure-policy';
import type { Log } from '../core/ports';
import { checkOrigin } from '../http/origin';
import { apiRoutes, type ApiDeps } from './api';
import { readAssets } from './assets';
import type { Feed } from './feed';
import { cookieName, fromOwnPage, requireSession, sameOrigin, secureHeaders, sessionOf } from './guards';
import { consolePage, loginPage } from './pages';
import type { Sessions } from './sessions';

export interface ConsoleAppDeps extends ApiDeps {
  readonly sessions: Sessions;
  readonly feed: Feed;
  /** Names by which browsers may call the console, beside addresses and names without a dot. */
  readonly hosts: readonly string[];
  readonly log: Log;
}

/** Paths that the page itself finds its way by. */
const pagePaths = [
  '/',
  '/servers',
  '/tools',
  '/turns',
  '/turns/:id',
  '/approvals',
  '/limits',
  '/doctor',
  '/config',
];

/** The console: pages for people, behind a token. */
export function createConsoleApp(deps: ConsoleAppDeps): Express {
  const { sessions, feed, log } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  const assets = readAssets();

  app.use(secureHeaders, checkOrigin({ hosts: deps.hosts, origins: [] }, 'toolturn.console'), sameOrigin);

  app.get('/assets/:name', (req: Request<{ name: string }>, res) => {
    const asset = assets.get(req.params.name);
    if (asset === undefined) throw new ToolturnError('not_found', 'There is nothing at this path.');
    res.type(asset.type).send(asset.text);
  });

  app.get('/login', (req, res) => {
    if (sessions.isOpen(sessionOf(req))) res.redirect(303, '/');
    else res.type('html').send(loginPage());
  });

  app.post('/login', express.urlencoded({ extended: false, limit: '8kb' }), (req, res) => {
    const { token } = (req.body ?? {}) as { token?: unknown };
    const login = sessions.login(typeof token === 'string' ? token : '', req.socket.remoteAddress ?? '');
    if (typeof login === 'string') {
      log.warn('a login to the console was refused', { from: req.socket.remoteAddress, reason: login });
      const [status, problem] = login === 'later' ? [429, tooOften] : [401, wrongToken];
      if (login === 'later') res.set('retry-after', '60');
      res.status(status).type('html').send(loginPage(problem));
      return;
    }
    log.info('somebody logged in to the console', { from: req.socket.remoteAddress });
    res.cookie(cookieName(req), login.session, cookie(sessions.lastsMs)).redirect(303, '/');
  });

  app.post('/logout', fromOwnPage, (req, res) => {
    sessions.logout(sessionOf(req) ?? '');
    res.clearCookie(cookieName(req), cookie()).status(204).end();
  });

  app.get(pagePaths, (req, res) => {
    if (sessions.isOpen(sessionOf(req))) res.type('html').send(consolePage);
    else res.redirect(303, '/login');
  });

  const guarded = requireSession(sessions);
  app.get('/api/events', guarded, (req, res) => {
    const session = sessionOf(req);
    if (!feed.add(res, () => sessions.isOpen(session))) throw failureError('consoleReader');
  });
  app.use('/api', guarded, fromOwnPage, apiRoutes(deps));

  app.use(() => {
    throw new ToolturnError('not_found', 'There is nothing at this path.');
  });
  app.use(errorHandler(log));
  return app;
}

const tooOften = 'There were too many wrong tokens. Try again in a minute.';
const wrongToken = 'This is not the token.';

const cookie = (maxAge?: number) =>
  ({ httpOnly: true, sameSite: 'strict', path: '/', ...(maxAge === undefined ? {} : { maxAge }) }) as const;

function errorHandler(log: Log) {
  // Express knows an error handler by its four parameters.
  return (error: unknown, req: Request, res: Response, _next: NextFunction): void => {
    const problem = toProblem(error);
    const { status, message } = problem;
    log[status >= 500 ? 'error' : 'info']('a request of the console was refused', {
      path: req.path,
      status,
      reason: message,
      error,
    });
    if (res.headersSent) res.destroy();
    else res.status(status).json({ error: { message } });
  };
}

/** Errors of the body parser carry a status of 400 or 413, and texts that quote the body. */
function toProblem(error: unknown): ToolturnError {
  if (error instanceof ToolturnError) return error;
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  if (status === 413)
    return new ToolturnError('body_too_large', 'This is too large for the console.', { cause: error });
  if (typeof status === 'number' && status < 500)
    return new ToolturnError('bad_request', 'The request cannot be read.', { cause: error });
  return new ToolturnError('internal', 'An internal error; the log says more.', { cause: error });
}
