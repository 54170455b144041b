/** Where the page's modules lie, and those of the library they draw with, for the server that hands them out. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

export const webRoot = new URL('./', import.meta.url);

/** The package's folder. Its `node/` build, which a resolution from here finds, is not for browsers. */
export const litRoot = new URL('../', pathToFileURL(createRequire(import.meta.url).resolve('lit-html')));

/** What a browser loads of it, by path in its folder: the directives in use and what they stand on. */
export const litModules = [
  'lit-html.js',
  'directive.js',
  'directive-helpers.js',
  'directives/keyed.js',
  'directives/repeat.js',
] as const;

/** The folder of hls.js as it is published, and what a browser loads of it when it opens the first stream. */
export const hlsRoot = new URL('./', pathToFileURL(createRequire(import.meta.url).resolve('hls.js')));
export const hlsModules = ['hls.min.mjs'] as const;

/** Everything of our own that a browser loads, by path in `webRoot`: this list and nothing else is served. */
export const webFiles = [
  'favicon.svg',
  'style.css',
  'src/api.ts',
  'src/format.ts',
  'src/heard.ts',
  'src/main.ts',
  'src/page.ts',
  'src/pages/index.ts',
  'src/pages/run.ts',
  'src/pages/run-files.ts',
  'src/pages/run-header.ts',
  'src/pages/run-pipeline.ts',
  'src/pages/runs.ts',
  'src/pages/stages.ts',
  'src/pages/task.ts',
  'src/pages/task-panel.ts',
  'src/pages/video.ts',
  'src/pages/video-moments.ts',
  'src/pages/video-parts.ts',
  'src/pages/videos.ts',
  'src/pages/workers.ts',
  'src/parts/confirm.ts',
  'src/parts/icons.ts',
  'src/parts/marks.ts',
  'src/pipeline.ts',
  'src/player/captions.ts',
  'src/player/controls.ts',
  'src/player/full-screen.ts',
  'src/player/keys.ts',
  'src/player/player.ts',
  'src/player/seek-bar.ts',
  'src/player/source.ts',
  'src/player/sprites.ts',
  'src/player/transcript.ts',
  'src/player/watched.ts',
  'src/router.ts',
  'src/run-list.ts',
  'src/run-state.ts',
  'src/said.ts',
  'src/shell.ts',
  'src/stream.ts',
] as const;
