/** The console's style sheet. It stands in a TypeScript file because `tsc` is all that builds hook-service. */
export const styleSheet = `
:root {
  color-scheme: light;
  --ground: #f5f6f6; --surface: #fff; --raised: #fafbfb; --line: #dce1e1; --strong: #b9c2c2;
  --text: #17201f; --soft: #566361; --accent: #0a6659; --accent-text: #fff; --accent-wash: #e3f1ee;
  --good: #17683c; --good-wash: #e2f3e8; --warn: #7a4d00; --warn-wash: #fbefd5; --bad: #a3211a; --bad-wash: #fce6e3;
  --busy: #2453a6; --busy-wash: #e4ecfb; --off: #566361; --off-wash: #eaeded;
  --round: #5a78c4; --call: #159a84; --failed: #d0443a; --focus: #1f5fd0;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) { :root:not([data-theme='light']) {
  color-scheme: dark;
  --ground: #101516; --surface: #171d1e; --raised: #1c2324; --line: #2a3335; --strong: #445053;
  --text: #e3e9e8; --soft: #9dabaa; --accent: #58c7b3; --accent-text: #06231e; --accent-wash: #12302b;
  --good: #68d195; --good-wash: #12301f; --warn: #e8b95a; --warn-wash: #352809; --bad: #ff9a90; --bad-wash: #3b1715;
  --busy: #93b7fa; --busy-wash: #17284a; --off: #9dabaa; --off-wash: #242c2e;
  --round: #7b98e4; --call: #35b9a1; --failed: #ec6a5f; --focus: #8fb5ff;
} }
:root[data-theme='dark'] {
  color-scheme: dark;
  --ground: #101516; --surface: #171d1e; --raised: #1c2324; --line: #2a3335; --strong: #445053;
  --text: #e3e9e8; --soft: #9dabaa; --accent: #58c7b3; --accent-text: #06231e; --accent-wash: #12302b;
  --good: #68d195; --good-wash: #12301f; --warn: #e8b95a; --warn-wash: #352809; --bad: #ff9a90; --bad-wash: #3b1715;
  --busy: #93b7fa; --busy-wash: #17284a; --off: #9dabaa; --off-wash: #242c2e;
  --round: #7b98e4; --call: #35b9a1; --failed: #ec6a5f; --focus: #8fb5ff;
}
*, *::before, *::after { box-sizing: border-box; }
html { font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--text); }
h1, h2, h3, p, ul, dl, dd, pre { margin: 0; padding: 0; }
ul { list-style: none; }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; }
h2 { font-size: 1rem; font-weight: 620; }
h3 { font-size: 0.8125rem; font-weight: 620; color: var(--soft); margin-top: 1.1rem; }
main h2 { margin: 1.5rem 0 0.5rem; }
a { color: var(--accent); text-underline-offset: 0.15em; text-decoration-thickness: 1px; }
code, pre, .digest { font-family: var(--mono); font-size: 0.8125rem; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
h1:focus, h2:focus, main:focus { outline: none; }
.muted { color: var(--soft); }
.bad-text { color: var(--bad); }
.away { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 0.5rem; top: -4rem; background: var(--surface); padding: 0.5rem 0.75rem; z-index: 2; }
.skip:focus { top: 0.5rem; }

.shell { display: grid; grid-template: 'top top' auto 'nav main' 1fr / 11.5rem minmax(0, 1fr); min-height: 100vh; }
.top { grid-area: top; display: flex; align-items: center; gap: 0.75rem; padding: 0.6rem 1.25rem; background: var(--surface); border-bottom: 1px solid var(--line); }
.brand { display: flex; align-items: center; gap: 0.55rem; font-weight: 650; font-size: 1.0625rem; color: var(--text); text-decoration: none; }
.link { margin-left: auto; color: var(--soft); font-size: 0.8125rem; }
.link::before { content: ''; display: inline-block; width: 0.5rem; height: 0.5rem; margin-right: 0.4rem; border-radius: 50%; background: var(--strong); }
.link.live::before { background: var(--call); }
.link.lost { color: var(--bad); }
.link.lost::before { background: var(--failed); }
nav { grid-area: nav; padding: 1rem 0.75rem; border-right: 1px solid var(--line); background: var(--surface); }
nav ul { position: sticky; top: 1rem; display: grid; gap: 2px; }
nav a { display: flex; align-items: center; justify-content: space-between; gap: 0.5rem; padding: 0.4rem 0.65rem; border-radius: 6px; color: var(--text); text-decoration: none; }
nav a:hover { background: var(--off-wash); }
nav a[aria-current] { background: var(--accent-wash); color: var(--accent); font-weight: 600; }
.count { min-width: 1.35rem; padding: 0 0.35rem; border-radius: 999px; background: var(--warn-wash); color: var(--warn); font-size: 0.75rem; line-height: 1.35rem; text-align: center; font-weight: 600; }
main { grid-area: main; padding: 1.25rem 1.5rem 3rem; max-width: 92rem; }

button, input, select, textarea { font: inherit; color: inherit; }
button, select, input, textarea { border: 1px solid var(--strong); border-radius: 6px; background: var(--surface); padding: 0.35rem 0.65rem; min-height: 2.25rem; }
select { height: 2.25rem; }
input, select, textarea { width: 100%; min-width: 0; }
textarea { font-family: var(--mono); font-size: 0.8125rem; resize: vertical; }
input::placeholder { color: var(--soft); opacity: 1; }
[aria-invalid='true'] { border-color: var(--failed); }
button { cursor: pointer; white-space: nowrap; }
button:hover:not(:disabled) { background: var(--off-wash); }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-text); font-weight: 600; }
button.primary:hover:not(:disabled) { background: var(--accent); filter: brightness(1.1); }
button:disabled, fieldset:disabled { opacity: 0.6; cursor: default; }
fieldset:disabled button:disabled { opacity: 1; }
button.quiet { border-color: transparent; background: none; color: var(--soft); }
fieldset { border: 0; padding: 0; margin: 0; min-width: 0; }

.heading { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.35rem 0.9rem; margin-bottom: 1rem; }
.heading .badge { align-self: center; }
.end { margin-left: auto; }
.row { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.3rem 0.7rem; }
.row h2 { margin: 0; }
.back { margin-bottom: 0.5rem; }
.empty { padding: 1rem; border: 1px dashed var(--line); border-radius: 8px; color: var(--soft); }
.problem { padding: 0.55rem 0.8rem; border-radius: 6px; background: var(--bad-wash); color: var(--bad); margin: 0.5rem 0; overflow-wrap: anywhere; }
.reason { color: var(--warn); overflow-wrap: anywhere; margin-top: 0.2rem; }
.plain li { margin: 0.15rem 0; overflow-wrap: anywhere; }

.badge { display: inline-flex; align-items: baseline; gap: 0.35rem; padding: 0 0.5rem; border-radius: 999px; font-size: 0.75rem; line-height: 1.45rem; font-weight: 560; white-space: nowrap; }
.badge::before { content: ''; align-self: center; width: 0.45rem; height: 0.45rem; border-radius: 50%; background: currentcolor; }
.badge.warn::before { border-radius: 1px; transform: rotate(45deg); }
.badge.bad::before { border-radius: 1px; }
.badge.off::before, .badge.busy::before { background: none; border: 1.5px solid currentcolor; }
.badge.good { color: var(--good); background: var(--good-wash); }
.badge.warn { color: var(--warn); background: var(--warn-wash); }
.badge.bad { color: var(--bad); background: var(--bad-wash); }
.badge.busy { color: var(--busy); background: var(--busy-wash); }
.badge.off { color: var(--off); background: var(--off-wash); }
.badge + .badge { margin-left: 0.3rem; }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(11.5rem, 1fr)); gap: 0.75rem; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 0.8rem 1rem; }
.card h2 { margin: 0 0 0.4rem; font-size: 0.8125rem; color: var(--soft); font-weight: 600; }
.card .since { margin-top: 0.25rem; color: var(--soft); font-size: 0.8125rem; }
.figure { font-size: 1.5rem; line-height: 1.3; font-weight: 600; font-variant-numeric: tabular-nums; }
.figure small { display: inline-block; margin-left: 0.35rem; line-height: 1.3; font-size: 0.8125rem; font-weight: 400; color: var(--soft); }

.list { display: grid; gap: 0.6rem; }
.list > li { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem 1rem; min-width: 0; }
.facts { display: flex; flex-wrap: wrap; gap: 0.25rem 1.4rem; margin-top: 0.4rem; }
.facts div { display: flex; gap: 0.45rem; min-width: 0; }
.facts dt { color: var(--soft); }
.facts dd { overflow-wrap: anywhere; min-width: 0; }
.facts.wide { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem 1rem; }
details { margin-top: 0.5rem; }
.places > li { margin-top: 0.6rem; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--soft); }

table { width: 100%; border-collapse: separate; overflow: clip; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; border-spacing: 0; }
th, td { text-align: left; padding: 0.4rem 0.75rem; border-top: 1px solid var(--line); vertical-align: baseline; overflow-wrap: anywhere; }
thead th { border-top: 0; color: var(--soft); font-size: 0.75rem; font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 400; }
td a, th a { text-decoration: none; }
td a:hover, th a:hover { text-decoration: underline; }
tbody tr:hover { background: var(--raised); }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
table.narrow { width: auto; min-width: min(30rem, 100%); }
.sort { border: 0; padding: 0; min-height: 0; background: none; font-weight: 600; }
.sort:hover:not(:disabled) { background: none; text-decoration: underline; }
.sort.ascending::after { content: ' ↑' / ''; } .sort.descending::after { content: ' ↓' / ''; }

.turns .spark { width: 22%; padding-block: 0; vertical-align: middle; }
.sparkline { display: block; width: 100%; height: 1.4rem; }
.sparkline .bar.round { fill: var(--round); } .sparkline .bar.call { fill: var(--call); } .sparkline .bar.failed { fill: var(--failed); }
.sparkline .bar.running { fill-opacity: 0.65; }

.waterfall th[scope='row'] { width: 20%; }
.waterfall .track { width: 46%; padding-block: 0; vertical-align: middle; position: relative; }
.waterfall tr.call th[scope='row'] { padding-left: 1.75rem; }
.waterfall tr.round th[scope='row'] { font-weight: 600; }
.waterfall .outcome { white-space: nowrap; }
.scale { position: relative; height: 1.25rem; }
.scale span { position: absolute; transform: translateX(-50%); font-weight: 400; }
.lane { position: relative; height: 1.1rem; }
.lane .bar { position: absolute; top: 0.2rem; height: 0.7rem; border-radius: 3px; min-width: 3px; }
.lane .bar.round, .swatch.round { background: var(--round); }
.lane .bar.call, .swatch.call { background: var(--call); }
.lane .bar.failed, .swatch.failed { background: var(--failed); }
.lane .bar.waited, .swatch.waited { background: repeating-linear-gradient(-45deg, var(--surface) 0 2px, var(--strong) 2px 5px); }
.lane .bar.running { border-radius: 3px 0 0 3px; animation: breathe 1.6s ease-in-out infinite; }
@keyframes breathe { 50% { opacity: 0.55; } }
@media (prefers-reduced-motion: reduce) { .lane .bar.running { animation: none; } }
.legend { margin-top: 0.5rem; color: var(--soft); font-size: 0.8125rem; }
.swatch { display: inline-block; width: 1.1rem; height: 0.6rem; border-radius: 3px; margin: 0 0.25rem 0 0.8rem; }
.swatch:first-child { margin-left: 0; }

.block { margin-top: 0.4rem; padding: 0.65rem 0.8rem; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; overflow: auto; max-height: 24rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.config { max-height: none; font-family: var(--mono); font-size: 0.8125rem; white-space: normal; padding: 0.65rem 0; }
.line { display: flex; padding: 0 0.8rem; }
.line .no { flex: none; width: 3rem; padding-right: 1rem; text-align: right; color: var(--soft); user-select: none; }
.line.masked { background: var(--warn-wash); }

.filters { display: flex; flex-wrap: wrap; align-items: end; gap: 0.6rem; margin-bottom: 0.6rem; }
.filters label { display: grid; gap: 0.15rem; min-width: 8rem; }
.filters label span, .field label { font-size: 0.75rem; color: var(--soft); }
.filters .grow { flex: 1 1 16rem; }
.filters .muted { padding-bottom: 0.35rem; }
.tools { table-layout: fixed; }
.tools th.server { width: 17%; } .tools th.name { width: 27%; } .tools th.pin { width: 9.5rem; }
.tools td.description { color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.tools td.name { font-family: var(--mono); font-size: 0.8125rem; }
.tools tr.chosen { background: var(--accent-wash); }
.tools thead th { position: sticky; top: 0; background: var(--surface); z-index: 1; box-shadow: 0 1px 0 var(--line); }
.split.open { display: grid; grid-template-columns: minmax(0, 1fr) minmax(20rem, 28rem); gap: 1.25rem; align-items: start; }
.split.open td.description, .split.open th.description { display: none; }
.split.open .tools th.name { width: auto; } .split.open .tools th.server { width: 30%; }
.panel { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.1rem 1.25rem; position: sticky; top: 1rem; max-height: calc(100vh - 2rem); overflow: auto; }
.panel h2 { overflow-wrap: anywhere; }
.panel .text { white-space: pre-wrap; margin-top: 0.4rem; overflow-wrap: anywhere; max-height: 14rem; overflow: auto; }
.digest { color: var(--soft); overflow-wrap: anywhere; margin-top: 0.3rem; }
.digest code { font-size: 0.75rem; }
.change button { margin-top: 0.6rem; }
.try .field { margin: 0.6rem 0; }
.try .field label { display: block; font-size: 0.8125rem; color: var(--text); font-family: var(--mono); }
.try .field label .muted { font-family: system-ui, sans-serif; }
.hint { font-size: 0.8125rem; color: var(--soft); overflow-wrap: anywhere; }

body.login main { max-width: 24rem; margin: 12vh auto 0; padding: 0 1rem; }
body.login form { display: grid; gap: 0.6rem; background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 1.5rem; }
body.login h1 { display: flex; align-items: center; gap: 0.6rem; font-size: 1.25rem; margin-bottom: 0.4rem; }
.noscript { padding: 2rem; }

@media (max-width: 60rem) {
  .split.open { display: block; }
  .split.open .list-side { display: none; }
  .panel { position: static; max-height: none; }
}
@media (max-width: 48rem) {
  .shell { grid-template: 'top' auto 'nav' auto 'main' 1fr / minmax(0, 1fr); }
  .top { padding: 0.5rem 0.9rem; gap: 0.4rem; }
  nav { padding: 0.35rem 0.5rem; border-right: 0; border-bottom: 1px solid var(--line); position: sticky; top: 0; z-index: 2; overflow-x: auto; }
  nav ul { position: static; display: flex; }
  nav a { padding: 0.5rem 0.65rem; }
  main { padding: 1rem 0.9rem 3rem; }
  button, select, input { min-height: 2.75rem; }
  .sort { min-height: 1.8rem; }
  table.stack, table.stack tbody, table.waterfall, table.waterfall tbody { display: block; }
  table.stack thead, table.waterfall thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.stack tr, table.waterfall tr { display: flex; flex-wrap: wrap; gap: 0.1rem 1rem; padding: 0.6rem 0.9rem; border-top: 1px solid var(--line); }
  table.stack tr:first-child, table.waterfall tr:first-child { border-top: 0; }
  table.stack td, table.waterfall td, table.waterfall tbody th { border: 0; padding: 0; text-align: left; }
  table.stack td[data-label]::before, table.waterfall td[data-label='Took']::before { content: attr(data-label) ' '; color: var(--soft); font-size: 0.75rem; }
  table.stack td[data-label='Began']::before, table.stack td[data-label='Outcome']::before, table.stack td[data-label='When']::before { content: none; }
  .turns .spark, .waterfall .track, .waterfall th[scope='row'] { width: 100%; flex-basis: 100%; }
  .waterfall td[data-label='Began'] { display: none; }
  .waterfall tr.call th[scope='row'] { padding-left: 0; }
  table.waterfall tr.call { padding-left: 1.6rem; }
  .tools thead { top: 3.2rem; }
  .tools thead th { position: static; }
  .tools th.server { width: 28%; } .tools th.name { width: auto; } .tools th.pin { width: 6rem; }
  .tools td.description, .tools th.description { display: none; }
  .tools th, .tools td { padding-inline: 0.5rem; }
  .line .no { width: 2.2rem; padding-right: 0.6rem; }
  .line { padding: 0 0.4rem; }
}
`;
