# The server and the operator's command `reelfleet` (which also migrates). Built from the repository's root:
#   docker build -f docker/server.Dockerfile -t reelfleet-server .
# No ffmpeg: neither makes media. The stages are explained in worker.Dockerfile, the sizes in docs/adr/0007-images.md.

FROM node:24-bookworm-slim AS base

FROM base AS programs
COPY --from=base /usr/lib /base/usr/lib
RUN apt-get update && apt-get install -y --no-install-recommends tini
COPY docker/take-programs.sh /
RUN sh /take-programs.sh /base /programs tini

FROM base AS manifests
WORKDIR /repository
COPY . .
RUN mkdir /manifests && find . -name 'package*.json' -exec cp --parents '{}' /manifests ';'

# The command's dependencies include the server's.
FROM base AS packages
WORKDIR /app
COPY --from=manifests /manifests .
RUN npm ci --workspace reelfleet --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
 && find node_modules -type f '(' -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' ')' -delete \
 && rm -rf node_modules/fluent-ffmpeg/coverage

FROM base
COPY --from=programs /programs /
RUN install -d -o node -g node /data && ln -s /app/apps/cli/bin/reelfleet.js /usr/local/bin/reelfleet
# Made while we are root, so that it is not the user's own.
WORKDIR /app
USER 1000:1000
RUN tini --version

COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY docker/healthcheck.mjs docker/
COPY drizzle drizzle
COPY packages packages
COPY apps apps

# Written to are /tmp and, with file: storage, /data; everything else may be read-only.
ENV NODE_ENV=production \
    STORAGE_URL=file:///data \
    PORT=3000
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "docker/healthcheck.mjs", "PORT", "/readyz"]
ENTRYPOINT ["tini", "--"]
CMD ["node", "apps/server/src/main.ts"]
