/** What tests of the console do in a browser, over and over. */
import { readFileSync } from 'node:fs';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { root } from '../../../scripts/src/paths';

export const consoleToken = 'console-token-of-the-tests';

const axe = readFileSync(join(root, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
const images = join(root, 'docs', 'images');

export interface View {
  readonly dark?: boolean;
  readonly width?: number;
  readonly height?: number;
}

/** A page that has logged in as a person does, by typing the token. */
export async function openConsole(browser: Browser, url: string, view: View = {}): Promise<OpenConsole> {
  const context = await browser.newContext({
    baseURL: url,
    colorScheme: view.dark === true ? 'dark' : 'light',
    viewport: { width: view.width ?? 1280, height: view.height ?? 800 },
    locale: 'en-GB',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto('/');
  await page.getByLabel('Token').fill(consoleToken);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  return { context, page, complaints };
}

export interface OpenConsole {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors that the browser reported, what the content security policy refused included. */
  readonly complaints: string[];
}

/** Serious and critical findings of axe-core, each with the elements. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] =
    await page.evaluate('axe.run(document, { resultTypes: ["violations"] }).then((run) => run.violations)');
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/** How much wider than the window the page is, in pixels. */
export async function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

/** Keeps a picture for the documentation, where TOOLTURN_SCREENSHOTS=1 asks for it. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (process.env.TOOLTURN_SCREENSHOTS !== '1') return;
  mkdirSync(images, { recursive: true });
  await page.screenshot({ path: join(images, `console-${name}.png`), animations: 'disabled' });
}
