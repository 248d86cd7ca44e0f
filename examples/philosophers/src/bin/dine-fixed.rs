//! Runs one dinner with the philosophers of `fixed` and says how it went.

fn main() {
    println!("{} meals", philosophers::fixed::dine());
}
