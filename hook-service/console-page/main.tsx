import { h, render } from './preact.js';
import { followEvents, loadDoctor, loadTool, loadTools } from './server.ts';
import { App, present } from './shell.tsx';
import { change, drawWith, redraw, state } from './store.ts';
import { noFilter } from './tool-list.ts';

const root = document.getElementById('app') as HTMLElement;
drawWith(() => {
  render(<App />, root);
  document.title = `${present().title} · Toolturn console`;
});

/** Takes over the address: what page it is, and what it asks for. */
function arrive(): void {
  const query = new URLSearchParams(location.search);
  const of = query.get('of');
  change({ path: location.pathname, query, ...(of === null ? {} : { filter: { ...noFilter, server: of } }) });
  void present().load?.();
}

document.addEventListener('click', (event) => {
  const link = (event.target as Element).closest('a');
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (link === null || !isPlain || event.defaultPrevented || link.origin !== location.origin) return;
  if (link.getAttribute('href')?.startsWith('#') === true) return;
  event.preventDefault();
  const isOther = link.pathname !== location.pathname;
  const wasOpen = state.query.has('tool');
  history.pushState(null, '', link.href);
  arrive();
  // Who hears or tabs the page must stand where it has changed.
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      if (isOther) scrollTo(0, 0);
      const target = state.query.has('tool') ? '#tool-name' : isOther || wasOpen ? 'h1' : undefined;
      if (target !== undefined)
        document.querySelector<HTMLElement>(target)?.focus({ preventScroll: !isOther && target === 'h1' });
    }),
  );
});
addEventListener('popstate', arrive);

document.addEventListener('keydown', (event) => {
  const isTyping = (event.target as Element).closest('input, textarea, select') !== null;
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector<HTMLElement>('#search');
    if (search === null) return;
    event.preventDefault();
    search.focus();
  }
  if (event.key === 'Escape' && state.query.has('tool'))
    document.querySelector<HTMLElement>('.close')?.click();
});

followEvents(() => {
  if (state.tools !== undefined) void loadTools();
  const { detail } = state.tool ?? {};
  if (detail !== undefined) void loadTool(detail.server, detail.tool);
});
arrive();
// For the number in the navigation.
void loadDoctor();

// Times pass also when nothing happens; bars of running turns grow.
let ticks = 0;
setInterval(() => {
  ticks += 1;
  const isRunning = [...state.turns.values()].some(({ ms }) => ms === undefined);
  if (!document.hidden && (isRunning || ticks % 4 === 0)) redraw();
}, 250);
