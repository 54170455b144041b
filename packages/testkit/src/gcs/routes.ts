/** Which request wants what, and which faults it can suffer. Pure. */
import type { IncomingMessage } from 'node:http';
import type { FaultKind } from './faults.ts';

export interface Route {
  operation:
    | 'stat'
    | 'read'
    | 'list'
    | 'delete'
    | 'insert'
    | 'begin'
    | 'append'
    | 'ask'
    | 'rewrite'
    | 'signed'
    | 'unknown';
  url: URL;
  bucket: string;
  /** The object's name; '' where there is none. */
  name: string;
  /** The name a rewrite gives it, in the same bucket; '' for all others. */
  target: string;
  suffers: readonly FaultKind[];
}

const REFUSALS: readonly FaultKind[] = ['401', '403', '429', '503'];
const UPLOADS: readonly FaultKind[] = ['cut-upload', 'corrupt-upload', 'corrupt-stored', 'lost-reply', 'slow'];
const BLANKS: readonly FaultKind[] = ['empty-reply', 'hollow-reply'];
const SUFFERS: Record<Route['operation'], readonly FaultKind[]> = {
  stat: REFUSALS,
  list: REFUSALS,
  ask: [...REFUSALS, 'session-gone'],
  delete: [...REFUSALS, 'lost-reply'],
  begin: [...REFUSALS, 'lost-reply'],
  insert: [...REFUSALS, ...UPLOADS, ...BLANKS],
  append: [...REFUSALS, ...UPLOADS, 'session-gone', 'session-emptied', ...BLANKS],
  rewrite: [...REFUSALS, 'lost-reply', ...BLANKS],
  read: [...REFUSALS, 'no-length', 'cut-download', 'corrupt-download', 'slow'],
  signed: [],
  unknown: [],
};

export function routeOf(request: IncomingMessage): Route {
  const url = new URL(request.url ?? '/', 'http://bucket');
  const [, upload, bucket = '', name = '', targetBucket, target = ''] =
    /^(\/upload|\/download)?(?:\/storage\/v1|\/resumable\/storage\/v1)?\/b\/([^/]+)\/o(?:\/([^/]+)(?:\/rewriteTo\/b\/([^/]+)\/o\/([^/]+))?)?$/.exec(
      url.pathname,
    ) ?? [];
  const signed = bucket === '' ? /^\/([^/]+)\/(.+)$/.exec(url.pathname) : null;
  const rewrites = request.method === 'POST' && target !== '' && targetBucket === bucket;
  const operation = signed ? 'signed' : rewrites ? 'rewrite' : operationOf(request, url, upload, name);
  const suffers = SUFFERS[operation].filter(
    (kind) => kind !== 'corrupt-download' || request.headers.range === undefined,
  );
  return {
    operation: bucket === '' && !signed ? 'unknown' : operation,
    url,
    bucket: decodeURIComponent(signed?.[1] ?? bucket),
    name: decodeURIComponent(signed?.[2] ?? name),
    target: decodeURIComponent(target),
    suffers,
  };
}

function operationOf(
  { method, headers }: IncomingMessage,
  url: URL,
  upload: string | undefined,
  name: string,
): Route['operation'] {
  if (upload === '/upload') {
    if (method === 'PUT') return /^bytes \*\/\*/.test(headers['content-range'] ?? '') ? 'ask' : 'append';
    return url.searchParams.get('uploadType') === 'resumable' ? 'begin' : 'insert';
  }
  if (method === 'DELETE') return 'delete';
  if (method !== 'GET') return 'unknown';
  if (name === '') return 'list';
  return url.searchParams.get('alt') === 'media' ? 'read' : 'stat';
}
