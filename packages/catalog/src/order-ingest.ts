/**
 * An order of a video from a source: an address, or a file that was uploaded before. Pure. What it says besides is what the
 * video is filed under and what its stream is to be.
 */
import { createHash } from 'node:crypto';
import { nearest, redactUrl } from '@reelfleet/config';
import { orderableCodecs, orderableQualities, webAddress } from '@reelfleet/pipelines';
import { z } from 'zod';
import { line, wrong } from './order-words.ts';
import { isUuid, slug } from './references.ts';

const MOST_TAGS = 50;
const TITLE = 500;

/** A file in our store that is not yet anybody's, as the upload answered it. */
const uploaded = z.strictObject({
  uri: z.string().max(4_000),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hexadecimal'),
  sizeBytes: z.number().int().positive('is that of an empty file'),
  contentType: z.string().min(1).max(200),
});

/** What people say; `upload` is added by whoever took the bytes. */
export const ingestFields = {
  url: z.string().optional().describe('http(s) address to download it from'),
  fileName: z.string().optional().describe('Name of the file as people know it; that of the address otherwise'),
  title: z.string().optional().describe('Title of the video; the name of the file otherwise'),
  identifier: z.string().optional().describe('What the video is called in addresses; made of the title otherwise'),
  category: z.string().optional().describe('Slug, name or id of the category it belongs to'),
  tags: z.array(z.string()).optional().describe('Tags; those that are new are made'),
  qualities: z
    .array(z.number())
    .optional()
    .describe(
      `Heights of its stream, of ${orderableQualities.join(', ')}; all that the source is large enough for otherwise`,
    ),
  codec: z
    .string()
    .optional()
    .describe(`How its stream is coded: ${orderableCodecs.join(', ')}; h264 otherwise`),
  language: z
    .string()
    .optional()
    .describe("What is spoken in it, by its ISO 639 code (en); the speech provider's guess otherwise"),
} as const;
/** Of an ingest alone: a run that looks for moments needs to know what is said. */
export const ingestAlone = {
  transcribe: z.boolean().optional().describe('false: what is said in it is not written down'),
} as const;
export const ingestShape = { ...ingestFields, upload: uploaded.optional() } as const;
type Given = z.infer<z.ZodObject<typeof ingestShape>> & { transcribe?: boolean | undefined };

export type IngestSource =
  /** `sourceUrl` is what the video's row keeps: the address without its secrets. */
  { kind: 'url'; url: string; sourceUrl: string } | { kind: 'upload'; upload: z.infer<typeof uploaded> };

/** A source and what becomes of it, whatever else is ordered with it. */
export interface IngestPart {
  where: string;
  source: IngestSource;
  fileName: string;
  title: string;
  identifier: string | undefined;
  category: string | undefined;
  tags: { name: string; slug: string }[];
  qualities: number[] | undefined;
  codec: (typeof orderableCodecs)[number];
  transcribe: boolean;
  language: string | undefined;
}

export interface CheckedIngest extends IngestPart {
  kind: 'ingest';
  key: string | null;
  priority: number;
}

export function checkIngest(order: Given, where: string): IngestPart {
  const source = checkSource(order, where);
  const named =
    order.fileName === undefined ? nameOf(source) : line(where, 'fileName', baseName(order.fileName), TITLE);
  return {
    where,
    source,
    fileName: named,
    title: order.title === undefined ? titleOf(named) : line(where, 'title', order.title, TITLE),
    identifier: order.identifier === undefined ? undefined : checkIdentifier(order.identifier, where),
    category: order.category === undefined ? undefined : line(where, 'category', order.category, 100),
    tags: checkTags(order.tags ?? [], where),
    ...checkStream(order, where),
    transcribe: order.transcribe ?? true,
    language: order.language === undefined ? undefined : checkLanguage(order.language, where),
  };
}

/** What the stream of a video is to be. */
export function checkStream(
  { qualities, codec }: Pick<Given, 'qualities' | 'codec'>,
  where: string,
): Pick<IngestPart, 'qualities' | 'codec'> {
  return {
    qualities: qualities === undefined ? undefined : checkQualities(qualities, where),
    codec: checkCodec(codec ?? 'h264', where),
  };
}

export function checkLanguage(given: string, where: string): string {
  if (/^[a-z]{2,3}$/.test(given)) return given;
  throw wrong(`${where}language is ${JSON.stringify(given)}: give its ISO 639 code, such as en or de`);
}

function checkSource({ url, upload }: Given, where: string): IngestSource {
  if ((url === undefined) === (upload === undefined))
    throw wrong(
      `${where}the order names ${url === undefined ? 'no source' : 'two sources'}: give one file, or one address (url)`,
    );
  if (upload) return { kind: 'upload', upload };
  // What follows a # is for readers of a page; a server never sees it.
  const href = URL.parse((url as string).trim())?.href.replace(/#.*$/s, '') ?? (url as string);
  const checked = webAddress.safeParse(href);
  if (checked.success) return { kind: 'url', url: href, sourceUrl: keptUrl(href) };
  const shown = redactUrl(href).slice(0, 200);
  throw wrong(`${where}url ${JSON.stringify(shown)} ${checked.error.issues[0]?.message ?? 'cannot be taken'}`);
}

/**
 * The address as the video's row keeps it, for everybody to see: secrets in it are hidden. Two addresses that differ in
 * their secrets may lead to two films (`?token=…` is all that some have), so the end of a checksum tells them apart.
 */
export function keptUrl(href: string): string {
  const plain = redactUrl(href);
  if (plain === href) return href;
  return `${plain}#${createHash('sha256').update(href).digest('hex').slice(0, 12)}`;
}

function nameOf(source: IngestSource): string {
  if (source.kind === 'upload') return baseName(decoded(source.upload.uri));
  const { pathname, hostname } = new URL(source.url);
  const last = baseName(decoded(pathname));
  return last === '' ? hostname : last;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The last part of a path, on one line; a name from outside is nothing but a name. */
export const baseName = (path: string): string =>
  [...(path.split(/[/\\]/).at(-1) ?? '').replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ').trim()].slice(0, TITLE).join('');

function titleOf(fileName: string): string {
  const bare = fileName.replace(/(?<=[^.])\.[A-Za-z0-9]{1,8}$/, '').trim();
  return bare === '' ? 'untitled' : bare;
}

function checkIdentifier(given: string, where: string): string {
  const identifier = line(where, 'identifier', given, 255);
  if (isUuid(identifier)) throw wrong(`${where}identifier "${identifier}" looks like an id: give the video a name`);
  if (!/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u.test(identifier))
    throw wrong(
      `${where}identifier "${identifier}" would not fit into an address: write letters, digits, dots, dashes and underscores, as in "${slug(identifier, 60)}"`,
    );
  return identifier;
}

function checkTags(given: readonly string[], where: string): { name: string; slug: string }[] {
  const tags = new Map<string, string>();
  for (const name of given) {
    const plain = line(where, 'tags', name, 50);
    const short = slug(plain, 50);
    if (!tags.has(short)) tags.set(short, plain);
  }
  if (tags.size > MOST_TAGS) throw wrong(`${where}tags names ${tags.size}: give at most ${MOST_TAGS}`);
  return [...tags].map(([slug, name]) => ({ name, slug }));
}

function checkQualities(given: readonly number[], where: string): number[] {
  const known: readonly number[] = orderableQualities;
  if (given.length === 0)
    throw wrong(`${where}qualities names none: give at least one of ${known.join(', ')}, or leave it out`);
  const strange = given.find((quality) => !known.includes(quality));
  if (strange !== undefined)
    throw wrong(`${where}qualities names ${strange}: a stream has heights of ${known.join(', ')}`);
  return [...new Set(given)].sort((a, b) => b - a);
}

function checkCodec(given: string, where: string): IngestPart['codec'] {
  const codec = orderableCodecs.find((name) => name === given);
  if (codec) return codec;
  const close = nearest(given, orderableCodecs);
  throw wrong(
    `${where}codec is ${JSON.stringify(given.slice(0, 50))}: ${close ? `did you mean ${close}?` : `it takes ${orderableCodecs.join(', ')}`}`,
  );
}

/** A second order of the same source is answered with the first one's video: this is what makes it the same. */
export const sourceKey = (source: IngestSource): string =>
  source.kind === 'url' ? `url ${source.sourceUrl}` : `sha256 ${source.upload.sha256}`;
