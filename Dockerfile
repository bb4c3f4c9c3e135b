# vedetted in a container: docker build -t vedette .    (models included: 1.8 GB)
# compose.yaml runs it with Redis, Prometheus and Grafana. Any builder of OCI images takes this file.
FROM docker.io/library/debian:bookworm AS build
WORKDIR /src
COPY tools/install-dependencies tools/
RUN tools/install-dependencies build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release -DVEDETTE_WITH_CUDA=OFF \
 && cmake --build --preset release --target programs \
 && cpack --config build/release/CPackConfig.cmake -B /package

FROM docker.io/library/debian:bookworm
COPY --from=build /package/*.deb /tmp/
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends systemd-standalone-sysusers /tmp/*.deb \
 && vedette-fetch-models --system \
 && install -d -o vedette -g vedette -m 750 /var/lib/vedette \
 && rm -rf /tmp/*.deb /var/cache/vedette/wheels /var/lib/apt/lists/*
ENV HOME=/var/lib/vedette XDG_CACHE_HOME=/var/cache STATE_DIRECTORY=/var/lib/vedette \
    GST_REGISTRY=/var/lib/vedette/gstreamer-registry.bin
USER vedette
VOLUME /var/lib/vedette
EXPOSE 9464
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["curl", "-sf", "http://127.0.0.1:9464/livez"]
ENTRYPOINT ["/usr/bin/vedetted"]
CMD ["--config", "/etc/vedette/vedette.yaml"]
