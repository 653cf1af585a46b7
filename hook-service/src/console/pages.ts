/** The two documents that the console serves. They hold no data: the page asks for that. */

const head = (title: string, more: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
<script src="/assets/theme.js"></script>
${more}</head>`;

export const consolePage = `${head('Toolturn console', '<script type="module" src="/assets/main.js"></script>\n')}
<body>
<div id="app"><noscript><p class="noscript">The console needs JavaScript.</p></noscript></div>
</body>
</html>
`;

/** `problem` is one of ours, and no text of anybody else. */
export const loginPage = (problem?: string): string => `${head('Log in · Toolturn console', '')}
<body class="login">
<main>
<form method="post" action="/login">
<h1><img src="/assets/icon.svg" alt="" width="28" height="28"> Toolturn console</h1>
${problem === undefined ? '' : `<p class="problem" role="alert">${problem}</p>\n`}<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus aria-describedby="hint">
<p id="hint" class="muted">The value of <code>TOOLTURN_CONSOLE_TOKEN</code> of hook-service.</p>
<button type="submit" class="primary">Log in</button>
</form>
</main>
</body>
</html>
`;
