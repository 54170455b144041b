/**
 * Bull Board's page, made fit for a strict Content-Security-Policy: nothing inline, nothing from elsewhere (it asks for
 * fonts of a stranger), and a style sheet that hides the buttons whose actions the board refuses.
 */

/** Served beside Bull Board's own files. */
export const STYLE_PATH = '/reelfleet.css';

const stranger = /<link\b[^>]*\bhref="https?:\/\/[^>]*>/g;
const placeholder = /<div id="root">[\s\S]*?<\/div>\s*(?=<script\b)/;

/** Pure: the page as Bull Board renders it → as it is sent. */
export function fitPage(html: string): string {
  return html
    .replace(stranger, '')
    .replace(placeholder, '<div id="root"><p class="reelfleet-loading">Loading …</p></div>\n')
    .replace('</head>', `<link href="${STYLE_PATH.slice(1)}" rel="stylesheet"></head>`);
}

/** The name of a problem's fields in Bull Board's page: without them it would show nothing of a session that ended. */
function fitProblem(problem: string): string {
  const { title, detail, ...rest } = JSON.parse(problem) as { title?: string; detail?: string };
  return JSON.stringify({ title, detail, ...rest, error: title, message: detail });
}

/** Pure: whatever answers under /queues; what is neither Bull Board's page nor a problem stays as it is. */
export function fitAnswer<T>(contentType: unknown, payload: T): T | string {
  if (typeof payload !== 'string') return payload;
  const type = String(contentType);
  if (type.startsWith('application/problem+json')) return fitProblem(payload);
  return type.startsWith('text/html') && payload.includes('__UI_CONFIG__') ? fitPage(payload) : payload;
}

/**
 * The one style the page sets inline, the colours of an icon, by its hash: whatever else anybody gets into the page
 * stays blocked.
 */
export const INLINE_STYLE = "'sha256-r2N1TB/gHbBtBZFKg7ejmq1acVSREzucTAEw6ga4hoU='";

/** By the roles and the icons of Bull Board's widgets: its class names change with every version. */
export const style = `
.reelfleet-loading { padding: 2rem; font-family: system-ui, sans-serif; }
/* Of a ticket's buttons and of those above a list: retry. */
[class*='jobActions-'] li:not(:has(.lucide-refresh-cw)),
[class*='queueActions-'] li:not(:has(.lucide-refresh-cw)),
/* Of a queue's menu: not add, set concurrency, empty, obliterate. */
[role='menuitem']:has(.lucide-plus, .lucide-chart-no-axes-gantt, .lucide-gauge, .lucide-trash-2, .lucide-ban),
/* The pen that sets a queue's concurrency. */
[role='dialog'] button:has(.lucide-pencil),
/* States no ticket is ever in. */
li:has(> a:is([href*='status=delayed'], [href*='status=paused'], [href*='status=waiting-children'])),
/* Links away from this server. */
a[href^='http'] { display: none !important; }
`;
