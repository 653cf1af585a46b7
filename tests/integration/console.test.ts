import type { Browser, Page } from 'playwright-core';
import { gate, type Gate } from '../../scripts/src/gate';
import { findChromium, startBrowser } from '../support/console/browser';
import { axeFindings, openConsole, overflow, screenshot, type OpenConsole } from '../support/console/page';
import { attack, canaries, startConsoleStack, type ConsoleStack } from '../support/console/set-up';
import { lastResults, roundsBehind } from '../support/tools';

const paths = ['/', '/servers', '/tools', '/turns', '/approvals', '/limits', '/doctor', '/config'];

/** `./scripts/test` installs a browser where it may; without one a person has to. */
const inBrowser = findChromium() === undefined ? describe.skip : describe;

let all: ConsoleStack;
let browser: Browser;
let opened: OpenConsole;
let page: Page;
/** Opened when the model may give its last answer. */
let answers: Gate;

inBrowser('in Chromium (left out where there is none)', () => {
  beforeAll(async () => {
    browser = await startBrowser();
    all = await startConsoleStack();
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await all?.stop();
  }, 60_000);

  beforeEach(async () => {
    answers = gate();
    opened = await openConsole(browser, all.url);
    page = opened.page;
  }, 60_000);

  afterEach(async () => {
    answers?.open();
    await opened?.context.close();
    expect(opened.complaints).toEqual([]);
  });

  const goTo = async (title: string): Promise<void> => {
    await page.getByRole('navigation').getByRole('link', { name: title }).click();
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
  };

  /** Two calls, one that fails, and an answer that waits until it may be given. */
  async function ask(): Promise<string | null | undefined> {
    all.stack.model.answerWith(async (request) => {
      switch (roundsBehind(request)) {
        case 0:
          return {
            toolCalls: [
              { name: 'notes__look_up', arguments: { what: 'heron' } },
              { name: 'everything__echo', arguments: { message: 'heron' } },
            ],
          };
        case 1:
          return { toolCalls: [{ name: 'notes__fail', arguments: {} }] };
        default:
          await answers.opened;
          return { text: 'It is a heron.' };
      }
    });
    const completion = await all.stack
      .client()
      .chat.completions.create(
        { model: 'demo', messages: [{ role: 'user', content: 'What is it?' }] },
        { headers: { 'x-mcp-servers': 'notes,everything,files' } },
      );
    return completion.choices[0]?.message.content;
  }

  describe('the console', () => {
    it('shows a turn while it runs, as a waterfall of its rounds and calls, and its end', async () => {
      await goTo('Turns');
      const answer = ask();
      const row = page.locator('tr[data-turn]', { hasText: 'running' });
      await row.waitFor();
      expect(await row.innerText()).toContain('alice');
      await row.getByRole('link').click();
      const round = page.getByRole('row', { name: 'Round 3' });
      await round.getByText('the model writes').waitFor();
      await page.getByRole('row', { name: 'look_up' }).getByText('B').waitFor();
      await page.getByRole('row', { name: 'fail' }).getByText('tool error').waitFor();
      await screenshot(page, 'turn-running');
      answers.open();
      await page.locator('.heading').getByText('answer', { exact: true }).waitFor();
      expect(await answer).toBe('It is a heron.');
      // LiteLLM tells of what a model call cost a moment after it.
      await round.getByText(/tokens, \$\d/).waitFor({ timeout: 30_000 });
      await page.getByRole('row', { name: 'look_up' }).getByText('$0.25').waitFor();
      expect(await page.locator('dl.facts').innerText()).toMatch(/\$\S+ \(models \$\S+, tools \$0\.5000\)/);
      const hidden = page.getByRole('region', { name: 'What the client does not see' });
      expect(await hidden.innerText()).toMatch(
        /2 rounds before the last one \([\d,]+ tokens\), 3 calls \(1 failed\)/,
      );
      // Names and numbers, as long as nobody opts in for more.
      expect(await page.locator('body').innerText()).not.toContain('heron');
      await screenshot(page, 'turn');
    }, 120_000);

    it('shows a server that has died within 5 s, with the reason, and that it is back', async () => {
      await goTo('Servers');
      const server = page.locator('[data-server="everything"]');
      await server.getByText('ready', { exact: true }).waitFor();
      await all.everything.stop(0);
      await server.getByText(/^(?:reconnecting|failed)$/).waitFor({ timeout: 5_000 });
      await server.getByText(/Connection refused/).waitFor();
      await screenshot(page, 'servers');
      await all.startEverything();
      await server.getByText('ready', { exact: true }).first().waitFor({ timeout: 60_000 });
    }, 120_000);
  });

  describe('a call that waits for a person', () => {
    const tool = 'crm__archive_order_1';
    const say = async (messages: object[]): Promise<string> => {
      const answer = await all.stack
        .client()
        .chat.completions.create(
          { model: 'demo', messages: messages as never },
          { headers: { 'x-mcp-servers': 'crm' } },
        );
      return answer.choices[0]?.message.content ?? '';
    };
    /** Comes to the question, and gives the conversation so far. */
    async function toQuestion(id: string): Promise<object[]> {
      const question = { role: 'user', content: `Archive ${id}.` };
      all.stack.model.answerWith((request) => {
        const results = lastResults(request).filter((each) => /call|ok/.test(each));
        return results.length === 0
          ? { toolCalls: [{ name: tool, arguments: { id } }] }
          : { text: `The model read: ${results.join()}` };
      });
      const asked = await say([question]);
      expect(asked).toContain('May this call run?');
      return [question, { role: 'assistant', content: asked }];
    }
    const entry = (id: string) => page.locator('[data-question]', { hasText: id });

    it('appears by itself, is approved with a button, and goes when its conversation goes on', async () => {
      await goTo('Approvals');
      await page.getByText('No call waits for a person.').waitFor();
      const history = await toQuestion('order-17');
      await entry('order-17').getByText('waiting', { exact: true }).waitFor();
      const text = await entry('order-17').innerText();
      expect(text).toMatch(/crm\.archive_order_1/);
      expect(text).toContain('"id": "order-17"');
      expect(text).toMatch(/user-alice/);
      expect(await axeFindings(page)).toEqual([]);
      expect(await overflow(page)).toBe(0);
      await screenshot(page, 'approvals');
      await page.getByRole('button', { name: 'Approve crm.archive_order_1' }).press('Enter');
      await entry('order-17').getByText('approved', { exact: true }).waitFor();
      expect(await say([...history, { role: 'user', content: 'And?' }])).toContain('approved it');
      await entry('order-17').waitFor({ state: 'detached' });
    }, 120_000);

    it('is declined with words that the model reads', async () => {
      const history = await toQuestion('order-18');
      await goTo('Approvals');
      await page.getByLabel('Why not (the model reads it)').fill('It is the wrong order.');
      await page.getByRole('button', { name: 'Decline crm.archive_order_1' }).click();
      await entry('order-18').getByText('declined', { exact: true }).waitFor();
      const read = await say([...history, { role: 'user', content: 'yes' }]);
      expect(read).toContain('Their words: It is the wrong order.');
    }, 120_000);
  });

  describe('a long list of tools', () => {
    const rows = () => page.locator('table.tools tbody tr');

    it('is searched, sorted and filtered, by keyboard alone', async () => {
      await goTo('Tools');
      await page.getByText('1,029 tools').waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('approve order');
      await page.getByText('10 of 1,029 tools').waitFor();
      expect(await rows().count()).toBe(10);
      await page.getByRole('button', { name: 'Tool', exact: true }).press('Enter');
      await page.getByRole('button', { name: 'Tool', exact: true }).press('Enter');
      await page.locator('th[aria-sort="descending"]').waitFor();
      expect(await rows().first().innerText()).toContain('approve_order_9');
      await page.getByLabel('Search').fill('');
      await page.getByLabel('Server').selectOption('notes');
      await page.getByText('2 of 1,029 tools').waitFor();
      await page.getByRole('link', { name: 'look_up' }).press('Enter');
      await page.getByRole('heading', { level: 2, name: 'look_up' }).waitFor();
      expect(await page.evaluate('document.activeElement.textContent')).toBe('look_up');
      await page.keyboard.press('Escape');
      await page.getByRole('heading', { level: 2, name: 'look_up' }).waitFor({ state: 'detached' });
    }, 120_000);
  });

  it('is not wider than a phone on any page', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    const wide: string[] = [];
    for (const path of [...paths, '/tools?server=notes&tool=look_up']) {
      await page.goto(path);
      await page.locator('h1:visible, h3:visible').first().waitFor();
      await page.locator('.empty', { hasText: 'loading' }).waitFor({ state: 'detached' });
      if ((await overflow(page)) > 0) wide.push(path);
    }
    expect(wide).toEqual([]);
  }, 120_000);

  describe('a tool', () => {
    const open = async (server: string, tool: string): Promise<void> => {
      await page.goto(`/tools?${new URLSearchParams({ server, tool }).toString()}`);
      await page.getByRole('heading', { level: 3, name: 'Try it' }).waitFor();
    };
    const run = () => page.getByRole('button', { name: 'Run' });

    it('is tried with a form made of its schema, under the key that somebody types', async () => {
      await open('notes', 'look_up');
      expect(await run().isDisabled()).toBe(true);
      await page.getByText('Type a LiteLLM key above').waitFor();
      await page.getByLabel(/LiteLLM key/).fill('sk-test-alice');
      await page.getByRole('button', { name: 'Look up' }).click();
      await page.getByText(/^may use [\d,]+ tools$/).waitFor();
      expect(await run().isDisabled()).toBe(true);
      await page.getByLabel(/^what/).fill('heron');
      await page.getByLabel(/^order/).selectOption('"newest"');
      await page.getByLabel(/^exact/).selectOption('true');
      await page.getByLabel(/^tags/).fill('bird\nriver');
      await run().click();
      const result = page.getByRole('region', { name: 'Result' });
      await result.waitFor();
      expect(await result.innerText()).toBe(
        'Found: {"what":"heron","most":3,"order":"newest","exact":true,"tags":["bird","river"]}',
      );
      await screenshot(page, 'tools');
      const kept: string = await page.evaluate(
        'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href])',
      );
      expect(kept).not.toContain('sk-test');
    }, 120_000);

    it('cannot be run under a key that may not use it, or that LiteLLM does not know', async () => {
      await open('notes', 'look_up');
      const key = page.getByLabel(/LiteLLM key/);
      await key.fill('sk-test-bob');
      await page.getByRole('button', { name: 'Look up' }).click();
      await page.getByText('This key may not use the tool.').waitFor();
      expect(await run().isDisabled()).toBe(true);
      await key.fill('sk-nobody');
      await page.getByRole('button', { name: 'Look up' }).click();
      await page.getByText(/LiteLLM refuses this key/).waitFor();
      // A key that was refused at LiteLLM does not end the console's own session.
      expect(new URL(page.url()).pathname).toBe('/tools');
      opened.complaints.splice(
        0,
        1,
        ...opened.complaints.slice(0, 1).filter((each) => !each.includes('400')),
      );
    }, 120_000);

    it('that has changed is shown with both definitions, and accepted', async () => {
      const { options } = all.notes;
      const before = options.tools;
      try {
        Object.assign(options, {
          tools: before.map((tool) => ({ ...tool, description: `${tool.description ?? ''} Now.` })),
        });
        await all.notes.notifyToolsChanged();
        await page.goto('/tools?of=notes');
        await page.getByLabel('Show').selectOption('changes');
        await page.getByRole('link', { name: 'look_up' }).click();
        await page.getByText('changed: description').waitFor();
        await page.getByText('As it was pinned').click();
        expect(await page.getByRole('region', { name: 'The pinned definition' }).innerText()).not.toContain(
          'Now.',
        );
        expect(await page.getByRole('region', { name: 'The definition now' }).innerText()).toContain('Now.');
        await page.getByRole('button', { name: 'Accept this definition' }).click();
        await page.getByText('as it was pinned').waitFor();
      } finally {
        Object.assign(options, { tools: before });
        await all.notes.notifyToolsChanged();
      }
    }, 120_000);

    it('of a hostile server is text, wherever it stands', async () => {
      await open('greeter', 'greet');
      await page.locator('.panel').getByText(attack).first().waitFor();
      await page.getByLabel(/LiteLLM key/).fill('sk-test-alice');
      await page.getByRole('button', { name: 'Look up' }).click();
      await page.getByText(/^may use [\d,]+ tools$/).waitFor();
      await run().click();
      const result = page.getByRole('region', { name: 'Result' });
      await result.waitFor();
      expect(await result.innerText()).toBe(attack);
      expect(
        await page.locator('img:not([src="/assets/icon.svg"]), script:not([src^="/assets/"])').count(),
      ).toBe(0);
      expect(await page.evaluate('globalThis.hacked')).toBeUndefined();
    }, 120_000);
  });

  describe('what the config holds', () => {
    it('is shown without secrets, on every page', async () => {
      await goTo('Config');
      await page.getByText('model_name: other').waitFor();
      await page.getByText('auth_value: os.environ/CANARY_ENV').waitFor();
      await page.getByText('headers:').waitFor();
      await screenshot(page, 'config');
      const answers = await page.evaluate(
        `Promise.all(['config', 'doctor', 'overview', 'tools', 'tool?server=notes&tool=fail'].map((path) => fetch('/api/' + path).then((each) => each.text())))`,
      );
      const told = JSON.stringify(answers);
      expect(told).toContain('X-Custom');
      for (const canary of Object.values(canaries)) expect(told).not.toContain(canary);
    }, 120_000);

    it('is what the doctor speaks about', async () => {
      await goTo('Doctor');
      await page.getByText('A secret is written into a file').waitFor();
      await page.getByRole('button', { name: 'Look again' }).click();
      await page.getByText(/looked just now/).waitFor();
      await screenshot(page, 'doctor');
    }, 120_000);
  });

  it('shows the limits that turns have reached', async () => {
    all.stack.model.answerWith((request) =>
      roundsBehind(request) < 5
        ? { toolCalls: [{ name: 'notes__look_up', arguments: { what: 'again' } }] }
        : { text: 'enough' },
    );
    await goTo('Limits');
    await all.stack
      .client()
      .chat.completions.create(
        { model: 'demo', messages: [{ role: 'user', content: 'Go on.' }] },
        { headers: { 'x-mcp-servers': 'notes' } },
      );
    const reached = page.locator('table.stack tbody tr').first();
    await reached.getByText('limits.rounds').waitFor();
    expect(await reached.innerText()).toContain('alice');
  }, 120_000);

  it('finds its way back to the stream when hook-service was started again', async () => {
    await page.locator('.link.live').waitFor();
    await all.stack.hook.stop();
    await page.locator('.link.lost').waitFor();
    all.stack.hook = await all.stack.startHook();
    // Sessions are in memory, so a person logs in again.
    await page.getByLabel('Token').waitFor({ timeout: 60_000 });
    // What the browser complains of is the service that was away.
    opened.complaints.length = 0;
  }, 120_000);

  describe.each([{ dark: false }, { dark: true }])('with dark: $dark', ({ dark }) => {
    it('axe-core finds nothing serious on any page', async () => {
      answers.open();
      await ask();
      const { context, page: own, complaints } = await openConsole(browser, all.url, { dark });
      const findings: string[] = [];
      const look = async (where: string): Promise<void> => {
        findings.push(...(await axeFindings(own)).map((finding) => `${where}: ${finding}`));
      };
      for (const path of paths) {
        await own.goto(path);
        await own.locator('.link.live').waitFor();
        await own.locator('main h1').waitFor();
        await own.getByText('loading').waitFor({ state: 'detached' });
        // A thousand rows alike tell axe nothing that a few do not.
        if (path === '/tools') await own.getByLabel('Server').selectOption('files');
        await look(path);
        if (path === '/') await screenshot(own, dark ? 'overview-dark' : 'overview');
      }
      await own.goto('/tools?server=notes&tool=look_up&of=notes');
      await own.getByRole('heading', { level: 3, name: 'Schema' }).waitFor();
      await look('a tool');
      await own.goto('/turns');
      await own.locator('tr[data-turn] a').first().click();
      await own.getByRole('row', { name: 'Round 3' }).waitFor();
      await look('a turn');
      if (dark) {
        await own.setViewportSize({ width: 390, height: 844 });
        await screenshot(own, 'phone');
      }
      await own.getByRole('button', { name: 'Log out' }).click();
      await own.getByLabel('Token').waitFor();
      await look('login');
      await context.close();
      expect(findings).toEqual([]);
      expect(complaints).toEqual([]);
    }, 240_000);
  });
});
