# The service as an image, for those who build with Docker: docker build --tag automate .
# The tests run in the build, and the build fails where they fail. `causeway image build` needs no Docker
# and gives the same digest on any machine; this one gives another each time.
ARG BUN=docker.io/oven/bun:1.4.5-slim
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUN} AS build
USER 0:0
WORKDIR /build
COPY service service
# The service imports no package, so nothing is installed.
RUN ["bun", "--no-install", "test", "./service"]
RUN ["bun", "build", "--target=bun", "--sourcemap=external", "--outdir=/app", "--entry-naming=main.js", "./service/src/main.ts"]

FROM ${BASE}
COPY --from=build /usr/local/bin/bun /usr/local/bin/bun
COPY --from=build /app /app
WORKDIR /app
ENV PORT=8080 HOST=0.0.0.0
EXPOSE 8080
USER 65532:65532
ENTRYPOINT []
CMD ["bun", "--no-install", "--no-env-file", "main.js"]
