//! Poolers that the URL does not reveal, played by a proxy that treats the start-up message as they do.

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::support::cluster::Cluster;
use super::{look, told, work};

#[derive(Clone, Copy)]
enum Manner {
    /// As `PgBouncer`: refuses start-up options.
    Refuses,
    /// As `PgBouncer` with `ignore_startup_parameters = options`.
    Swallows,
}

/// The URL of a proxy in front of the cluster.
async fn proxy(cluster: &Cluster, manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = cluster.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, server, manner));
        }
    });
    let direct = format!(":{server}/");
    cluster
        .url("postgres")
        .replace(&direct, &format!(":{port}/"))
        + "?sslmode=disable"
}

async fn serve(mut client: TcpStream, server: u16, manner: Manner) -> std::io::Result<()> {
    let length = client.read_u32().await?;
    let mut startup = vec![0; length as usize - 4];
    client.read_exact(&mut startup).await?;
    // Protocol version, then names and values that each end with a zero byte, then another one.
    let (version, words) = startup.split_at(4);
    let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
    let pairs = words.chunks_exact(2).filter(|pair| !pair[0].is_empty());
    if let (Manner::Refuses, true) = (manner, pairs.clone().any(|pair| pair[0] == b"options")) {
        let said = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        client.write_all(b"E").await?;
        client
            .write_u32(u32::try_from(said.len()).unwrap() + 4)
            .await?;
        return client.write_all(said).await;
    }
    let mut passed = version.to_vec();
    for pair in pairs.filter(|pair| pair[0] != b"options") {
        passed.extend([pair[0], b"\0", pair[1], b"\0"].concat());
    }
    passed.push(0);
    let mut upstream = TcpStream::connect(("127.0.0.1", server)).await?;
    upstream
        .write_u32(u32::try_from(passed.len()).unwrap() + 4)
        .await?;
    upstream.write_all(&passed).await?;
    copy_bidirectional(&mut client, &mut upstream)
        .await
        .map(drop)
}

#[tokio::test]
async fn hidden_poolers_are_noticed() {
    let cluster = Cluster::start();
    for manner in [Manner::Refuses, Manner::Swallows] {
        let url = proxy(&cluster, manner).await;
        let trouble = work(&url).await.unwrap_err();
        assert!(told(&trouble).contains("transaction pooler"), "{trouble:?}");
        let session = look(&url).await.unwrap();
        assert!(session.pooled().is_some());
        let row = session
            .client()
            .query_one("SHOW default_transaction_read_only", &[])
            .await;
        assert_eq!(
            row.unwrap().get::<_, String>(0),
            "off",
            "nothing may leak into the pool"
        );
    }
}
