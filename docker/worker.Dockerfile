# The worker: Node, ffmpeg, PocketSphinx and what apps/worker imports. Built from the repository's root:
#   docker build -f docker/worker.Dockerfile -t reelfleet-worker .
# Why it looks like this, with the sizes: docs/adr/0007-images.md.

FROM node:24-bookworm-slim AS base

# ffmpeg and tini as Debian ships them, less the hundreds of megabytes (Mesa, LLVM …) that only a screen needs.
FROM base AS programs
COPY --from=base /usr/lib /base/usr/lib
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg pocketsphinx pocketsphinx-en-us tini
COPY docker/take-programs.sh /
# The model is what PocketSphinx needs to hear English; another speech provider is a setting away.
RUN sh /take-programs.sh /base /programs ffmpeg ffprobe pocketsphinx_continuous tini \
 && cp -r --parents /usr/share/pocketsphinx/model /programs

# The manifests alone, so that a changed source does not install the packages anew.
FROM base AS manifests
WORKDIR /repository
COPY . .
RUN mkdir /manifests && find . -name 'package*.json' -exec cp --parents '{}' /manifests ';'

# What the worker needs at run time. Optional packages are Postgres for `reelfleet up` and accelerators with a
# plain-JavaScript twin; maps and declarations are for people who develop, and half of the bytes.
FROM base AS packages
WORKDIR /app
COPY --from=manifests /manifests .
RUN npm ci --workspace @reelfleet/worker --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
 && find node_modules -type f '(' -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' ')' -delete \
 && rm -rf node_modules/fluent-ffmpeg/coverage

FROM base
COPY --from=programs /programs /
# The build ends here unless the copies run and can do what the stages ask of them, as the user who will ask.
RUN install -d -o node -g node /data /scratch
# Made while we are root, so that it is not the user's own.
WORKDIR /app
USER 1000:1000
RUN setpriv --pdeathsig KILL prlimit --as=4294967296 ffmpeg -nostdin -hide_banner -loglevel error \
    -f lavfi -i testsrc2=size=320x240:duration=2 -f lavfi -i testsrc=size=320x240:duration=2 -f lavfi -i sine=duration=2 \
    -filter_complex '[0:v][1:v]xfade=duration=1:offset=1,split[video][still];[video][0:v]ssim,format=yuv420p[seen];[2:a]loudnorm,ebur128=metadata=1,silencedetect,astats,asplit[aac][flac]' \
    -map '[seen]' -c:v libx264 -map '[aac]' -c:a aac -f mp4 -movflags frag_keyframe -y /dev/null \
    -map '[flac]' -c:a flac -f flac -y /dev/null \
    -map '[still]' -c:v mjpeg -pix_fmt yuvj420p -frames:v 1 -f image2pipe -y /dev/null \
 && ffprobe -hide_banner -version >/dev/null && tini --version \
 && ffmpeg -nostdin -loglevel error -f lavfi -i sine=duration=1:sample_rate=16000 -y /tmp/sound.wav \
 && pocketsphinx_continuous -infile /tmp/sound.wav -logfn /dev/null && rm /tmp/sound.wav

COPY --from=packages /app/node_modules node_modules
# Workspaces are links in node_modules to folders beside it: Node strips no types below a node_modules.
COPY package.json ./
COPY docker/healthcheck.mjs docker/
COPY drizzle drizzle
COPY packages packages
COPY apps/worker apps/worker

# Written to are /scratch, /tmp and, with file: storage, /data; everything else may be read-only.
ENV NODE_ENV=production \
    STORAGE_URL=file:///data \
    REELFLEET_SCRATCH=/scratch \
    METRICS_PORT=9464
VOLUME /scratch
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "docker/healthcheck.mjs", "METRICS_PORT", "/healthz"]
# tini is process 1: it hands signals on to Node and reaps what the children of killed children leave.
ENTRYPOINT ["tini", "--"]
CMD ["node", "apps/worker/src/main.ts"]
