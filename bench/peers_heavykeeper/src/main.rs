// The heavykeeper crate on the stream that bench/peers_trends.py wrote: pairs of
// little-endian u32, place and item. Only counts of all time, no decay by time.
use heavykeeper::{BucketedTopK, CuckooTopK, TopK};
use std::time::Instant;

fn print(what: &str, keys: &[u64], seconds: f64) {
    println!(
        "{{\"peer\": \"heavykeeper 0.7.2 {}\", \"what\": \"add, one by one\", \"events\": {}, \
         \"events_per_second\": {:.0}}}",
        what,
        keys.len(),
        keys.len() as f64 / seconds
    );
}

fn run(name: &str, keys: &[u64]) {
    // 50 heavy keys, 4 rows of 65,536: the sizes of the crate's own benchmarks are alike.
    let (k, width, depth, decay) = (50, 65536, 4, 0.9);
    let mut plain: TopK<u64> = TopK::new(k, width, depth, decay);
    let began = Instant::now();
    for key in keys {
        plain.add(key, 1);
    }
    print(&format!("TopK, {}", name), keys, began.elapsed().as_secs_f64());
    let mut bucketed: BucketedTopK<u64> = BucketedTopK::new(k, width, depth, decay);
    let began = Instant::now();
    for key in keys {
        bucketed.add(key, 1);
    }
    print(&format!("BucketedTopK, {}", name), keys, began.elapsed().as_secs_f64());
    let mut cuckoo: CuckooTopK<u64> = CuckooTopK::new(k, width, depth, decay);
    let began = Instant::now();
    for key in keys {
        cuckoo.add(key, 1);
    }
    print(&format!("CuckooTopK, {}", name), keys, began.elapsed().as_secs_f64());
}

fn main() {
    let path = std::env::args().nth(1).expect("the stream's path");
    let bytes = std::fs::read(path).expect("the stream");
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as u64;
    let pairs: Vec<(u64, u64)> = (0..bytes.len() / 8).map(|i| (word(8 * i), word(8 * i + 4))).collect();
    let items: Vec<u64> = pairs.iter().map(|p| p.1).collect();
    run("one place", &items);
    let both: Vec<u64> = pairs.iter().map(|p| p.0 << 32 | p.1).collect();
    run("places times items", &both);
}
