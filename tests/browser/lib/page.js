// Writes the page of a table as the report does, with its content security policy.
import fs from 'node:fs';
import path from 'node:path';

const DIST = path.join(import.meta.dirname, '../../../crates/cntflow-report/explorer/dist');

const POLICY = [
  "default-src 'none'", "script-src 'unsafe-inline'", "style-src 'unsafe-inline'",
  'img-src data: blob:', "worker-src 'none'", "connect-src 'none'", "form-action 'none'",
  "base-uri 'none'",
].join('; ');

const STYLE = `
:root { --ink: #1d1f21; --paper: #ffffff; --muted: #5c6166; --accent: #0b5cad; --line: #8d9399; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #17191c; --muted: #abb2b9; --accent: #79b8ff; --line: #767d85; }
}
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font-family: system-ui, sans-serif; }
`;

export const FALLBACK = 'The explorer needs a script.';

/** @param {string} json of the table */
export function pageOf(json) {
  const [script, style] = ['explorer.js', 'explorer.css']
    .map((name) => fs.readFileSync(path.join(DIST, name), 'utf8'));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Report</title>
<style>${STYLE}${style}</style>
</head>
<body>
<main>
<h1>Report</h1>
<h2>Explorer</h2>
<section id="explorer" data-state="waiting"><p>${FALLBACK}</p></section>
</main>
<script type="application/json" id="explorer-data">${json}</script>
<script>${script}</script>
</body>
</html>
`;
}
