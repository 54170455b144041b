/**
 * `import`: the source of a video comes into the store. From an address it flows straight through, with its checksum worked
 * out on the way and no copy in between; a file that was uploaded lies there already, and is looked at whole before anybody
 * builds on it. What the file is, is the next stage's question.
 */
import { extname } from 'node:path';
import { type ArtifactRef, artifactRef, defineStage, MINUTE, PermanentError, SECOND } from '@reelfleet/core';
import { z } from 'zod';

const TAKES_ONE = 'takes either the "url" to download, or the "upload" that lies in the store';

/** An address that may be kept with a run: http(s), and without a password, since everybody who sees the run would read it. */
export const webAddress = z
  .string()
  .max(2_000, 'is longer than 2000 characters')
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'is no http or https address')
  .refine((text) => {
    const url = URL.parse(text);
    return url === null || (url.username === '' && url.password === '');
  }, 'holds a user name or a password, which would be kept with the run: give a link that needs none, or upload the file');

export const importInput = z
  .object({
    url: webAddress.optional(),
    upload: artifactRef.optional(),
    /** As people know it: its ending is kept. */
    fileName: z.string().min(1).max(500),
  })
  .refine(({ url, upload }) => (url === undefined) !== (upload === undefined), TAKES_ONE);

export const importOutput = z.object({
  source: artifactRef,
  fileName: z.string(),
  /** Where it was downloaded from, with the secrets in it hidden; null for an upload. */
  url: z.string().nullable(),
});
export type ImportOutput = z.infer<typeof importOutput>;

export const importStage = defineStage({
  name: 'import',
  description: 'Bring the source of a video into the store',
  input: importInput,
  output: importOutput,
  policy: {
    concurrency: 4,
    maxAttempts: 5,
    backoffMs: 5 * SECOND,
    backoffMaxMs: 5 * MINUTE,
    // The download and the store notice silence themselves, and much sooner. Reading a large upload again moves nothing.
    stalledAfterMs: 30 * MINUTE,
  },
  async run({ input, storage, providers, signal, progress, moved, pausePoint }): Promise<ImportOutput> {
    const { url, upload, fileName } = input;
    if (upload) {
      progress(0, 'verifying');
      await pausePoint('mid-work');
      return { source: await verified(upload, storage), fileName, url: null };
    }
    progress(0, 'asking');
    const file = await providers.web.open(url as string, {
      signal,
      onBytes: (total) => {
        moved();
        if (file.sizeBytes !== null) progress(total / file.sizeBytes, 'downloading');
      },
    });
    progress(0, 'downloading');
    await pausePoint('before-upload');
    const source = await storage.put(`source${ending(fileName)}`, file.body, {
      kind: 'raw',
      contentType: mediaType(file.contentType),
    });
    return { source, fileName, url: file.address };
  },
});

/** The upload itself, if every byte of it is what was promised when it was accepted. */
async function verified(
  upload: ArtifactRef,
  storage: { has(ref: ArtifactRef): Promise<boolean> },
): Promise<ArtifactRef> {
  if (await storage.has(upload)) return upload;
  throw new PermanentError(`${upload.uri} is not in the store as it was uploaded: upload the file again`, {
    code: 'upload-missing',
  });
}

/** `.mp4`; nothing where the name ends in what is no ending. */
function ending(fileName: string): string {
  const found = extname(fileName).toLowerCase();
  return /^\.[a-z0-9]{1,8}$/.test(found) ? found : '';
}

/** What a server calls a file decides how browsers treat ours, so only what cannot be a page or a script is believed. */
export function mediaType(said: string | null): string {
  return said !== null && /^(video|audio)\/[a-z0-9][a-z0-9.+-]{0,60}$/.test(said) ? said : 'application/octet-stream';
}
