# syntax=docker/dockerfile:1
# The executable, alone in a distroless image. It is compiled on the builder's own architecture, for the target's.
FROM --platform=$BUILDPLATFORM denoland/deno:2.9.6@sha256:2014dc167ece617ef7e7ba40631ac2234c59e75ce693e7cc2dc2602b3c87859d AS build
WORKDIR /src
COPY deno.json deno.lock ./
COPY src src
COPY dev/release/compile.ts dev/release/compile_targets.ts dev/release/denort.ts dev/release/denort.sha256 dev/release/sbom.ts dev/release/spdx.ts \
  dev/release/
ARG TARGETARCH
# There is no repository in here to ask.
ARG BUILD_COMMIT="" BUILD_DATE=""
# 1, as in a release: Deno's runtime is taken only with a checksum of dev/release/denort.sha256.
ARG REQUIRE_DENORT_SUMS=""
RUN case "$TARGETARCH" in amd64) target=linux-x64 ;; arm64) target=linux-arm64 ;; *) echo "no executable for $TARGETARCH"; exit 1 ;; esac \
  && deno install --frozen \
  && deno task compile --target "$target" \
  && deno task sbom \
  && mkdir -p /image/usr/local/bin /image/usr/share/doc/pg-capture /image/var/lib/pg-capture \
  && mv "dist/pg-capture-$target" /image/usr/local/bin/pg-capture \
  && mv dist/pg-capture.spdx.json /image/usr/share/doc/pg-capture/

# Dependabot moves the digest to take up Debian's fixes, and rebuild.yml puts the last release on it. :nonroot is user
# 65532.
FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f
ARG BUILD_COMMIT="" BUILD_DATE="" VERSION=""
LABEL org.opencontainers.image.title="pg-capture" \
  org.opencontainers.image.description="Streams PostgreSQL changes to Apache Kafka, exactly once" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$BUILD_COMMIT" \
  org.opencontainers.image.created="$BUILD_DATE"
COPY --from=build /image/usr/local/bin/pg-capture /usr/local/bin/pg-capture
COPY --from=build /image/usr/share/doc/pg-capture /usr/share/doc/pg-capture
COPY --from=build --chown=65532:65532 /image/var/lib/pg-capture /var/lib/pg-capture
ENV STATE_DIRECTORY=/var/lib/pg-capture METRICS_HOST=0.0.0.0
EXPOSE 9090
VOLUME /var/lib/pg-capture
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["/usr/local/bin/pg-capture", "status", "--health"]
ENTRYPOINT ["/usr/local/bin/pg-capture"]
CMD ["run"]
