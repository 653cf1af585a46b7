# hook-service. Built from the top of the checkout: docker build -f compose/hook-service.Dockerfile .
FROM node:20.19.5-bookworm-slim AS base
WORKDIR /app
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY hook-service/package.json hook-service/

FROM base AS build
# The version of pnpm that package.json names.
RUN npx --yes "$(node -p "require('./package.json').packageManager")" install --frozen-lockfile \
      --filter . --filter @toolturn/hook-service
COPY tsconfig.base.json ./
COPY hook-service hook-service
RUN npx tsc -b hook-service

FROM base AS packages
RUN npx --yes "$(node -p "require('./package.json').packageManager")" install --frozen-lockfile --prod \
      --filter @toolturn/hook-service

FROM node:20.19.5-bookworm-slim
# One heap of glibc for all threads: each with its own would keep gaps that grow for hours.
ENV NODE_ENV=production TOOLTURN_HOST=0.0.0.0 MALLOC_ARENA_MAX=1
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=packages /app/hook-service hook-service
COPY --from=build /app/hook-service/dist hook-service/dist
USER node
EXPOSE 48900
HEALTHCHECK --interval=30s --timeout=10s --retries=3 --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:48900/health/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "hook-service/dist/main.js"]
CMD ["serve", "--config", "/etc/toolturn/config.yaml"]
