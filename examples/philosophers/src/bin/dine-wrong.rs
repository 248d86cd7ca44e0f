//! Runs one dinner with the philosophers of `wrong` and says how it went.

fn main() {
    println!("{} meals", philosophers::wrong::dine());
}
