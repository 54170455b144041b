/**
 * What the page is made of, read once at start: its TypeScript with the types blanked out (lines and columns stay what
 * they are in the source), its style, the few modules of lit-html it draws with, and hls.js. The hash of all of it is part of
 * every address, so that a browser keeps them for ever and never mixes two versions.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { hlsModules, hlsRoot, litModules, litRoot, webFiles, webRoot } from '@reelfleet/web';

export interface Asset {
  readonly body: Buffer;
  readonly type: string;
  readonly etag: string;
}

export interface PageAssets {
  readonly html: Asset;
  /** The same for somebody with a session, who may want to end it. */
  readonly htmlOfSession: Asset;
  /** By the path behind the version: `src/main.ts`, `lit-html/lit-html.js`. */
  readonly files: ReadonlyMap<string, Asset>;
  /** In their addresses: `/assets/<version>/src/main.ts`. */
  readonly version: string;
  /** Source for script-src that allows the page's import map, the one script that has to stand in the page. */
  readonly importMapSource: string;
}

const HTML = 'text/html; charset=utf-8';
const types: Readonly<Record<string, string>> = {
  ts: 'text/javascript; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Read, strip and hash them. Fails when a file is missing or is no TypeScript that can be stripped: at start, not at a visit. */
export async function readPageAssets(): Promise<PageAssets> {
  const own = await Promise.all(
    webFiles.map(async (path) => {
      const text = await readFile(new URL(path, webRoot), 'utf8');
      return [path, path.endsWith('.ts') ? withoutTypes(text) : text] as const;
    }),
  );
  const texts = [
    ...own,
    ...(await foreign('lit-html', litRoot, litModules)),
    ...(await foreign('hls.js', hlsRoot, hlsModules)),
  ];
  const version = hashOf(texts.map(([path, text]) => `${path}\0${text}`).join('\0'), 'hex').slice(0, 16);
  // hls.js (.mjs) is half a megabyte: it is loaded by the page that plays, not ahead by all of them.
  const modules = texts.map(([path]) => path).filter((path) => /\.(ts|js)$/.test(path));
  const html = documentOf(await readFile(new URL('index.html', webRoot), 'utf8'), version, modules);
  const [, importMap] = /<script type="importmap">([^<]*)<\/script>/.exec(html) ?? [];
  if (importMap === undefined) throw new Error('index.html has no import map');
  return {
    html: asset(html, HTML),
    htmlOfSession: asset(html.replace('<html ', '<html data-session="yes" '), HTML),
    files: new Map(texts.map(([path, text]) => [path, asset(text, types[path.slice(path.lastIndexOf('.') + 1)])])),
    version,
    importMapSource: `'sha256-${hashOf(importMap, 'base64')}'`,
  };
}

/** Modules of a library. Their maps are not served; a browser's tools would only ask for them in vain. */
function foreign(name: string, root: URL, modules: readonly string[]): Promise<(readonly [string, string])[]> {
  return Promise.all(
    modules.map(async (path) => {
      const text = await readFile(new URL(path, root), 'utf8');
      return [`${name}/${path}`, text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')] as const;
    }),
  );
}

/** The page with the version in every address, and its modules named ahead, so that they come all at once and not link by link. */
function documentOf(source: string, version: string, modules: readonly string[]): string {
  const preloads = modules.map((path) => `<link rel="modulepreload" href="/assets/${path}">`).join('\n    ');
  return source.replace('</script>\n', `</script>\n    ${preloads}\n`).replaceAll('/assets/', `/assets/${version}/`);
}

/**
 * Node's own stripper is what runs all the rest of this program. Asked by name it says once that this function is
 * experimental, which is no operator's business; that one line is held back for the length of this call, and no other.
 */
function withoutTypes(text: string): string {
  const emitWarning = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (rest[0] === 'ExperimentalWarning' && String(warning).startsWith('stripTypeScriptTypes')) return;
    (emitWarning as (...args: unknown[]) => void).call(process, warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}

const hashOf = (text: string, encoding: 'hex' | 'base64'): string => createHash('sha256').update(text).digest(encoding);

function asset(text: string, type: string | undefined): Asset {
  if (type === undefined) throw new Error('a file of the page has an unknown type');
  return { body: Buffer.from(text), type, etag: `"${hashOf(text, 'hex').slice(0, 32)}"` };
}
