import { ApprovalsPage } from './approvals.tsx';
import { ConfigPage } from './config.tsx';
import { DoctorPage } from './doctor.tsx';
import { LimitsPage } from './limits.tsx';
import { isServer, isWell, OverviewPage } from './overview.tsx';
import { h, type ComponentChildren } from './preact.js';
import { ServersPage } from './servers.tsx';
import { loadConfig, loadDoctor, loadTools, logout } from './server.ts';
import { redraw, state } from './store.ts';
import { ToolsPage } from './tools.tsx';
import { TurnPage } from './turn.tsx';
import { TurnsPage } from './turns.tsx';

/** A page of the console. A new one is an entry here, and a path in `app.ts`. */
export interface Page {
  readonly path: string;
  readonly title: string;
  readonly view: () => ComponentChildren;
  /** What it needs beside the stream of events; asked for whenever it is opened. */
  readonly load?: () => Promise<void>;
  /** How many things of it want a person's eye. */
  readonly count?: () => number;
}

export const pages: readonly Page[] = [
  { path: '/', title: 'Overview', view: () => <OverviewPage /> },
  {
    path: '/servers',
    title: 'Servers',
    view: () => <ServersPage />,
    count: () => state.parts.filter((part) => isServer(part) && !isWell(part)).length,
  },
  { path: '/tools', title: 'Tools', view: () => <ToolsPage />, load: loadTools, count: () => state.changes },
  { path: '/turns', title: 'Turns', view: () => <TurnsPage /> },
  {
    path: '/approvals',
    title: 'Approvals',
    view: () => <ApprovalsPage />,
    count: () => state.approvals.filter((each) => each.state === 'waiting').length,
  },
  { path: '/limits', title: 'Limits', view: () => <LimitsPage />, count: () => state.limits.length },
  {
    path: '/doctor',
    title: 'Doctor',
    view: () => <DoctorPage />,
    load: loadDoctor,
    count: () => state.doctor?.findings.filter(({ level }) => level !== 'note').length ?? 0,
  },
  { path: '/config', title: 'Config', view: () => <ConfigPage />, load: loadConfig },
];

/** The page at the present path; the overview for one that there is not. */
export const present = (): Page => pages.find(({ path }) => isAt(path)) ?? (pages[0] as Page);

const isAt = (path: string): boolean =>
  state.path === path || (path !== '/' && state.path.startsWith(`${path}/`));

export function App() {
  const turn = /^\/turns\/([^/]+)$/.exec(state.path)?.[1];
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="top">
        <a class="brand" href="/">
          <img src="/assets/icon.svg" alt="" width="22" height="22" /> Toolturn
        </a>
        <span class={`link ${state.link}`} role="status">
          {state.link === 'live'
            ? 'live'
            : state.link === 'lost'
              ? 'connection lost, trying again'
              : 'connecting'}
        </span>
        <ThemeButton />
        <button type="button" class="quiet" onClick={() => void logout()}>
          Log out
        </button>
      </header>
      <nav aria-label="Pages">
        <ul>
          {pages.map((page) => (
            <NavItem key={page.path} page={page} />
          ))}
        </ul>
      </nav>
      <main id="main" tabIndex={-1}>
        {turn === undefined ? present().view() : <TurnPage id={decodeURIComponent(turn)} />}
      </main>
      <p class="away" role="status">
        {state.said}
      </p>
    </div>
  );
}

function NavItem({ page }: { page: Page }) {
  const count = page.count?.() ?? 0;
  return (
    <li>
      <a href={page.path} aria-current={present() === page ? 'page' : undefined}>
        {page.title}
        {count > 0 && (
          <span class="count">
            {count}
            <span class="away"> to look at</span>
          </span>
        )}
      </a>
    </li>
  );
}

function ThemeButton() {
  const chosen = document.documentElement.dataset['theme'];
  const isDark =
    chosen === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
  const next = isDark ? 'light' : 'dark';
  return (
    <button
      type="button"
      class="quiet"
      onClick={() => {
        document.documentElement.dataset['theme'] = next;
        localStorage.setItem('theme', next);
        redraw();
      }}
    >
      {next === 'dark' ? 'Dark' : 'Light'}
      <span class="away"> colours</span>
    </button>
  );
}
